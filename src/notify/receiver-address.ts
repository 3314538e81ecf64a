import { codeOf } from '../lib/errors.ts';

/** The address of a receiver, as `fetch` takes it. */
export interface ReceiverAddress {
  readonly url: URL;
  /** The login that the address contained, as a header: `fetch` does not accept an address with a password. */
  readonly headers: Readonly<Record<string, string>>;
  /** Without path and query, which may contain a token. */
  readonly origin: string;
}

export function receiverAddress(address: string): ReceiverAddress {
  const url = new URL(address);
  const login = [url.username, url.password].map(decoded).join(':');
  url.username = '';
  url.password = '';
  const headers: Record<string, string> =
    login === ':' ? {} : { authorization: `Basic ${Buffer.from(login).toString('base64')}` };
  return { url, headers, origin: url.origin };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Only the error code: some error messages contain the whole address. */
export const connectionFault = (error: unknown): string => codeOf(error) ?? 'it does not answer';
