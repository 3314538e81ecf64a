import { codeOf } from '../lib/errors.ts';
import type { JsonObject } from '../lib/json.ts';
import type { Sending } from '../pass/outbox.ts';
import { retryAfterSeconds } from './retry-after.ts';

/** Milliseconds for the receiver to answer. */
const answerWithinMs = 10_000;

/** `refused`: it will never take this message, however often it is sent; `busy`: it wants to be sent nothing for a while. */
export type Delivery =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'failed' | 'refused'; readonly reason: string }
  | { readonly kind: 'busy'; readonly reason: string; readonly seconds: number };

export interface Webhook {
  /** Whom it sends to, without the path and the query: these may hold a token. */
  readonly origin: string;
  send(message: Sending, signal: AbortSignal): Promise<Delivery>;
}

/** The statuses by which a receiver says that it is the message that it dislikes. */
const refusals: ReadonlySet<number> = new Set([400, 413, 415, 422]);
/** The statuses by which it says that it is too much now. */
const overloads: ReadonlySet<number> = new Set([429, 503]);

/**
 * A receiver at an address. Slack's own takes `{text}` alone, and so does any other one whose address has the query
 * `format=slack`, which is not sent.
 */
export function webhook(address: string): Webhook {
  const url = new URL(address);
  const slack = url.hostname === 'hooks.slack.com' || url.searchParams.get('format') === 'slack';
  if (url.searchParams.get('format') === 'slack') url.searchParams.delete('format');
  // `fetch` takes no address with a password in it.
  const login = [url.username, url.password].map(decoded).join(':');
  const headers = {
    'content-type': 'application/json',
    ...(login === ':' ? {} : { authorization: `Basic ${Buffer.from(login).toString('base64')}` }),
  };
  url.username = '';
  url.password = '';
  return {
    origin: url.origin,
    send: async ({ id, body }, signal) => {
      const limit = AbortSignal.timeout(answerWithinMs);
      try {
        const answer = await fetch(url, {
          method: 'POST',
          headers: { ...headers, 'decnet-notification-id': id },
          body: JSON.stringify(slack ? slackBody(body) : { id, ...body }),
          // What the address's owner did not name is sent nothing.
          redirect: 'manual',
          signal: AbortSignal.any([limit, signal]),
        });
        await answer.body?.cancel();
        if (answer.ok) return { kind: 'delivered' };
        const seconds = overloads.has(answer.status)
          ? retryAfterSeconds(answer.headers.get('retry-after'), answer.headers.get('date'), Date.now())
          : null;
        if (seconds !== null) {
          const reason = `it answered ${answer.status} and wants to be sent nothing for ${Math.ceil(seconds)} s`;
          return { kind: 'busy', reason, seconds };
        }
        const kind = refusals.has(answer.status) ? 'refused' : 'failed';
        return { kind, reason: `it answered ${answer.status}` };
      } catch (error) {
        return { kind: 'failed', reason: limit.aborted ? 'no answer in time' : faultOf(error) };
      }
    },
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Slack's own escapes: what a decky is called, or a reason, must not become a link or a mention. */
export function slackBody({ text, link }: JsonObject): { text: string } {
  const words = [text, ...(typeof link === 'string' ? [link] : [])].join(' ');
  return { text: words.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;') };
}

/** Only the code of the fault: the words of some hold the whole address. */
const faultOf = (error: unknown): string => codeOf(error) ?? 'it does not answer';
