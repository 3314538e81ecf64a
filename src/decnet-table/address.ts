import { normalize } from 'node:path';

/** Where DECNET's own table is, as `DECNET_DATABASE_URL` says. `location` is for messages: it has no user and no password. */
export type DecnetAddress =
  | { readonly kind: 'sqlite'; readonly location: string; readonly file: string }
  | ({ readonly kind: 'mysql'; readonly location: string } & MysqlAddress);

export interface MysqlAddress {
  readonly host: string;
  readonly port: number;
  /** A Unix socket in place of host and port. */
  readonly socket: string | null;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Null: without TLS. `ca`: a file; null: the certificate authorities of Node. */
  readonly tls: { readonly ca: string | null } | null;
}

const allowed = [
  'sqlite:///path/decnet.db',
  'mysql://user:password@host/database',
  'mariadb://user:password@host/database',
] as const;

/** What is wrong with an address, and which ones are allowed: it continues the name of the setting. */
export const wrongAddress = (problem: string): string => `is ${problem}; allowed: ${allowed.join(', ')}`;

const parameters: ReadonlySet<string> = new Set(['socket', 'tls', 'ca']);

/** @returns the address, or what is wrong with it, without its text: it may contain a password */
export function parseDecnetAddress(url: string): DecnetAddress | { readonly problem: string } {
  if (!/^[a-z]+:\/\//i.test(url) || !URL.canParse(url)) return { problem: 'not an address' };
  const parsed = new URL(url);
  try {
    if (parsed.protocol === 'sqlite:') return sqliteAddress(parsed);
    if (parsed.protocol === 'mysql:' || parsed.protocol === 'mariadb:') return mysqlAddress(parsed);
  } catch {
    return { problem: 'not an address: a % that begins no encoded character must be written %25' };
  }
  return { problem: 'not an address of SQLite, MySQL or MariaDB' };
}

function sqliteAddress(url: URL): DecnetAddress | { readonly problem: string } {
  if (url.host !== '') return { problem: 'without an absolute path: it has three slashes' };
  if (url.search !== '' || url.hash !== '')
    return { problem: 'more than a path: write ? as %3F and # as %23' };
  // Python's notation has four slashes.
  const file = normalize(decodeURIComponent(url.pathname).replace(/^\/+/, '/'));
  if (file.endsWith('/') || file.includes('\0')) return { problem: 'without the name of a file' };
  return { kind: 'sqlite', location: file, file };
}

function mysqlAddress(url: URL): DecnetAddress | { readonly problem: string } {
  const unknown = [...url.searchParams.keys()].find((name) => !parameters.has(name));
  if (unknown !== undefined || url.hash !== '')
    return { problem: `with a parameter other than ${[...parameters].join(', ')}` };
  const database = decodeURIComponent(url.pathname.slice(1));
  const socket = url.searchParams.get('socket');
  if (url.hostname === '' && socket === null) return { problem: 'without a host' };
  if (url.username === '') return { problem: 'without a user' };
  // A slash, `?` or `#` in a password that is not encoded makes the rest, with the real host, a path.
  if (database === '' || /[/@]/.test(database)) return { problem: 'without the name of a database' };
  const tls = url.searchParams.get('tls') ?? 'false';
  if (tls !== 'true' && tls !== 'false') return { problem: 'with another tls than true or false' };
  const ca = url.searchParams.get('ca');
  if (ca !== null && tls === 'false') return { problem: 'with ca and without tls=true' };
  const port = url.port === '' ? 3306 : Number(url.port);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return {
    kind: 'mysql',
    location: `${socket ?? `${url.hostname}:${port}`}/${database}`,
    host,
    port,
    socket,
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database,
    tls: tls === 'true' ? { ca } : null,
  };
}
