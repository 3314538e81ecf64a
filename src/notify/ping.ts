import { connectionFault, type ReceiverAddress, receiverAddress } from './receiver-address.ts';

/** The time limit of a heartbeat with its redirects, in milliseconds. */
const answerWithinMs = 10_000;
const redirectsAtMost = 3;

export interface Ping {
  /** The receiver's address without path and query, which may contain a token. */
  readonly origin: string;
  /** @returns null: it arrived; otherwise why not, without anything secret */
  send(signal: AbortSignal, withinMs?: number): Promise<string | null>;
}

/** A GET request, which all receivers of heartbeats take. Redirects are followed only within the scheme of the address. */
export function ping(address: string): Ping {
  const receiver = receiverAddress(address);
  return {
    origin: receiver.origin,
    send: async (signal, withinMs = answerWithinMs) => {
      const limit = AbortSignal.timeout(withinMs);
      try {
        return await ask(receiver, AbortSignal.any([limit, signal]));
      } catch (error) {
        return limit.aborted ? `no answer within ${withinMs / 1000} s` : connectionFault(error);
      }
    },
  };
}

async function ask({ url, headers, origin }: ReceiverAddress, signal: AbortSignal): Promise<string | null> {
  let to = url;
  for (let redirects = 0; redirects <= redirectsAtMost; redirects += 1) {
    const answer = await fetch(to, {
      // The login is only for the receiver.
      headers: to.origin === origin ? headers : {},
      redirect: 'manual',
      signal,
    });
    await answer.body?.cancel();
    if (answer.ok) return null;
    const location = answer.headers.get('location');
    if (answer.status < 300 || answer.status > 399 || location === null)
      return `it answered ${answer.status}`;
    if (!URL.canParse(location, to)) return 'it redirects to what is not an address';
    const next = new URL(location, to);
    if (next.protocol !== url.protocol) return `it redirects to another scheme (${next.protocol}//)`;
    to = next;
  }
  return `it redirects more than ${redirectsAtMost} times`;
}
