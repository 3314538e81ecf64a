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
 * A bare address is not a name. @param known names, lower case
 */
export function isKnownHost(header: string | undefined, known: ReadonlySet<string>): boolean {
  const name = hostName(header);
  return name !== null && (name === 'localhost' || isIP(name) !== 0 || known.has(name));
}

/** Headers that mean something else to two readers when they come twice: Node keeps the first, a proxy may go by the last. */
const onceOnly: ReadonlySet<string> = new Set([
  'authorization',
  'content-length',
  'content-type',
  'host',
  'origin',
  'sec-fetch-site',
  'transfer-encoding',
]);

/** The header that a request may hold once and holds again, lower case; null: none. @param raw names and values in turn */
export function repeatedHeader(raw: readonly string[]): string | null {
  const seen = new Set<string>();
  for (let at = 0; at < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase();
    if (onceOnly.has(name) && seen.has(name)) return name;
    seen.add(name);
  }
  return null;
}

/** The host in `GET http://host/path`, as proxies are asked; null: the target is a path alone. */
const hostInTarget = (target: string): string | null => /^https?:\/\/([^/?#]*)/i.exec(target)?.[1] ?? null;

/** What is wrong with what a request asks for, for people; null: nothing. @param target as it was sent */
export function targetFault(target: string, host: string | undefined): string | null {
  if (!/^[!-~]*$/.test(target)) return 'The address holds signs that have to be percent-encoded.';
  if (target.startsWith('/')) return null;
  const asked = hostInTarget(target);
  if (asked === null) return 'The address is none of ours: it has to begin with a slash.';
  return asked.toLowerCase() === (host ?? '').toLowerCase()
    ? null
    : 'The address names another host than the Host header.';
}

/** The path and query of a target, where it holds more. */
export const pathOfTarget = (target: string): string =>
  target.replace(/^https?:\/\/[^/?#]*/i, '').replace(/^(?!\/)/, '/');

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const controls = /[\u0000-\u001f\u007f-\u009f]/g;

/** Text without the signs that write nothing, and that a terminal or a log may obey. */
export const withoutControls = (text: string): string => text.replace(controls, '');

/** Whether a path, percent-encoded, stands for one with control characters. */
export const hidesControls = (path: string): boolean => /%[01][0-9a-f]|%7f|%c2%[89][0-9a-f]/i.test(path);

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
