import { isIP } from 'node:net';

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** The content security policy of the pages: nothing from outside, no inline scripts or styles. */
export const contentPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/** The policy of Bull Board, whose script sets inline styles. */
export const boardPolicy =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; base-uri 'self'; frame-ancestors 'none'";

/** The name in a `Host` header without the port; null: not valid. */
export function hostName(header: string | undefined): string | null {
  const found = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.exec(header ?? '')?.[1];
  return found === undefined ? null : found.replace(/^\[|\]$/g, '').toLowerCase();
}

/**
 * Whether the `Host` header names this dashboard, as a defence against DNS rebinding. IP addresses are always accepted:
 * they cannot be rebound. @param known names, lower case
 */
export function isKnownHost(header: string | undefined, known: ReadonlySet<string>): boolean {
  const name = hostName(header);
  return name !== null && (name === 'localhost' || isIP(name) !== 0 || known.has(name));
}

/** Headers that must not be repeated: Node uses the first value, and a proxy may use the last. */
const onceOnly: ReadonlySet<string> = new Set([
  'authorization',
  'content-length',
  'content-type',
  'host',
  'origin',
  'sec-fetch-site',
  'transfer-encoding',
]);

/**
 * The first header that is repeated but must not be, lower case; null: none.
 * @param raw names and values in turn
 * @param more one more header that must not be repeated, lower case
 */
export function repeatedHeader(raw: readonly string[], more: string | null = null): string | null {
  const seen = new Set<string>();
  for (let at = 0; at < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase();
    if ((onceOnly.has(name) || name === more) && seen.has(name)) return name;
    seen.add(name);
  }
  return null;
}

/** The host of a target in absolute form (`GET http://host/path`); null: the target has no host. */
const hostInTarget = (target: string): string | null => /^https?:\/\/([^/?#]*)/i.exec(target)?.[1] ?? null;

/** Checks the target of a request. @param target as it was sent @returns an error message; null: valid */
export function targetFault(target: string, host: string | undefined): string | null {
  if (!/^[!-~]*$/.test(target)) return 'The address contains characters that must be percent-encoded.';
  if (target.startsWith('/')) return null;
  const asked = hostInTarget(target);
  if (asked === null) return 'The address is not valid: it must begin with a slash.';
  return asked.toLowerCase() === (host ?? '').toLowerCase()
    ? null
    : 'The host in the address differs from the Host header.';
}

/** The path and query of a target. */
export const pathOfTarget = (target: string): string =>
  target.replace(/^https?:\/\/[^/?#]*/i, '').replace(/^(?!\/)/, '/');

// biome-ignore lint/suspicious/noControlCharactersInRegex: it matches control characters.
const controls = /[\u0000-\u001f\u007f-\u009f]/g;

/** Removes control characters, which a terminal or a log viewer may interpret. */
export const withoutControls = (text: string): string => text.replace(controls, '');

/** Whether a percent-encoded path contains control characters. */
export const hidesControls = (path: string): boolean => /%[01][0-9a-f]|%7f|%c2%[89][0-9a-f]/i.test(path);

/** Whether a request comes from a page of another site. Clients other than browsers send neither of the two headers. */
export function isCrossSite(headers: Headers): boolean {
  const site = headers['sec-fetch-site'];
  if (typeof site === 'string') return site !== 'same-origin' && site !== 'none';
  const { origin } = headers;
  if (typeof origin !== 'string') return false;
  return !URL.canParse(origin) || new URL(origin).host !== headers.host;
}

/** Whether a request comes from a script or a form of our own pages. Other clients send neither of the two headers. */
export function isFromOurPage(headers: Headers): boolean {
  if (headers['sec-fetch-site'] === 'same-origin') return true;
  const { referer } = headers;
  return typeof referer === 'string' && URL.canParse(referer) && new URL(referer).host === headers.host;
}

/** The name and password of a Basic `Authorization` header; null: it has none. */
export function basicLogin(header: string): Credentials | null {
  const encoded = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(header)?.[1] ?? '';
  const [, user, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString('utf8')) ?? [];
  return user === undefined || password === undefined ? null : { user, password };
}

const loopback = /^(localhost|127(\.\d+){3}|::1)$/;
export const isLoopback = (address: string): boolean => loopback.test(address);
