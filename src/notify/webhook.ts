import { codeOf } from '../lib/errors.ts';
import type { JsonObject } from '../lib/json.ts';
import type { Sending } from '../pass/outbox.ts';
import { retryAfterSeconds } from './retry-after.ts';

/** The time limit of a request, in milliseconds. */
const answerWithinMs = 10_000;

/** `refused`: the receiver rejects this message permanently; `busy`: the receiver asks for a pause. */
export type Delivery =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'failed' | 'refused'; readonly reason: string }
  | { readonly kind: 'busy'; readonly reason: string; readonly seconds: number };

export interface Webhook {
  /** The receiver's address without path and query, which may contain a token. */
  readonly origin: string;
  send(message: Sending, signal: AbortSignal): Promise<Delivery>;
}

/** Status codes that mean that the message itself is not acceptable. */
const refusals: ReadonlySet<number> = new Set([400, 413, 415, 422]);
/** Status codes that mean that the receiver is overloaded. */
const overloads: ReadonlySet<number> = new Set([429, 503]);

/**
 * A receiver of notifications. Slack accepts only `{text}`. The same format is used for any address with the query parameter
 * `format=slack`, which is removed from the address.
 */
export function webhook(address: string): Webhook {
  const url = new URL(address);
  const slack = url.hostname === 'hooks.slack.com' || url.searchParams.get('format') === 'slack';
  if (url.searchParams.get('format') === 'slack') url.searchParams.delete('format');
  // `fetch` does not accept an address with a password.
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
          // Do not send notifications to addresses that are not configured.
          redirect: 'manual',
          signal: AbortSignal.any([limit, signal]),
        });
        await answer.body?.cancel();
        if (answer.ok) return { kind: 'delivered' };
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

/** The body for Slack, with Slack's escapes: the name of a decky or a reason must not become a link or a mention. */
export function slackBody({ text, link }: JsonObject): { text: string } {
  const words = [text, ...(typeof link === 'string' ? [link] : [])].join(' ');
  return { text: words.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;') };
}

/** Only the error code: some error messages contain the whole address. */
const faultOf = (error: unknown): string => codeOf(error) ?? 'it does not answer';
