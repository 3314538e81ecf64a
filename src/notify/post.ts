import type { Json } from '../lib/json.ts';
import { answerWithinMs, type Delivery } from './delivery.ts';
import { connectionFault, type ReceiverAddress } from './receiver-address.ts';
import { retryAfterSeconds } from './retry-after.ts';

/** Status codes that mean that the message itself is not acceptable. */
const refusals: ReadonlySet<number> = new Set([400, 413, 415, 422]);
/** Status codes that mean that the receiver is overloaded. */
const overloads: ReadonlySet<number> = new Set([429, 503]);

/** Posts a JSON document to a receiver. @param headers in addition to those of the address */
export async function post(
  { url, headers: login }: ReceiverAddress,
  body: Json,
  { signal, headers = {} }: { signal: AbortSignal; headers?: Readonly<Record<string, string>> },
): Promise<Delivery> {
  const limit = AbortSignal.timeout(answerWithinMs);
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...login, ...headers },
      body: JSON.stringify(body),
      // Do not send notifications to addresses that are not configured.
      redirect: 'manual',
      signal: AbortSignal.any([limit, signal]),
    });
    await answer.body?.cancel();
    if (answer.ok) return { kind: 'delivered', answer: `it answered ${answer.status}` };
    const seconds = overloads.has(answer.status)
      ? retryAfterSeconds(answer.headers.get('retry-after'), answer.headers.get('date'), Date.now())
      : null;
    if (seconds !== null) {
      const reason = `it answered ${answer.status} and asks for a pause of ${Math.ceil(seconds)} s`;
      return { kind: 'busy', reason, seconds };
    }
    const kind = refusals.has(answer.status) ? 'refused' : 'failed';
    return { kind, reason: `it answered ${answer.status}` };
  } catch (error) {
    return { kind: 'failed', reason: limit.aborted ? 'no answer in time' : connectionFault(error) };
  }
}
