import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** The pages' own policy: nothing from outside, no inline script or style. */
export const contentPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/** Bull Board sets styles from its script. */
export const boardPolicy =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; base-uri 'self'; frame-ancestors 'none'";

/** The name in a `Host` header, without its port; null: it is none. */
export function hostName(header: string | undefined): string | null {
  const found = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.exec(header ?? '')?.[1];
  return found === undefined ? null : found.replace(/^\[|\]$/g, '').toLowerCase();
}

/**
 * Whether a request is meant for us: a page elsewhere can make its own name point here, but not change that name.
 * A bare address is nobody's name. @param known names, lower case
 */
export function isKnownHost(header: string | undefined, known: ReadonlySet<string>): boolean {
  const name = hostName(header);
  return name !== null && (name === 'localhost' || isIP(name) !== 0 || known.has(name));
}

/** Whether a request that changes something comes from another site. A program sends neither of the two headers. */
export function isCrossSite(headers: Headers): boolean {
  const site = headers['sec-fetch-site'];
  if (typeof site === 'string') return site !== 'same-origin' && site !== 'none';
  const { origin } = headers;
  if (typeof origin !== 'string') return false;
  return !URL.canParse(origin) || new URL(origin).host !== headers.host;
}

/** Whether a Basic `Authorization` header holds these credentials; compared in constant time. */
export function isAuthorized(header: string | undefined, { user, password }: Credentials): boolean {
  const encoded = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(header ?? '')?.[1] ?? '';
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(
    digest(Buffer.from(encoded, 'base64').toString('utf8')),
    digest(`${user}:${password}`),
  );
}

const loopback = /^(localhost|127(\.\d+){3}|::1)$/;
export const isLoopback = (address: string): boolean => loopback.test(address);
