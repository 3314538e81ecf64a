/** The query parameters that describe the server. Others may hold a user or a password: drivers read those from a query, too. */
const ofServer: ReadonlySet<string> = new Set([
  'host',
  'port',
  'sslmode',
  'sslrootcert',
  'connect_timeout',
  'family',
  'tls',
]);

/** The address of the same server for another user. Other parts of the address are dropped: they may hold secrets. */
export function addressWith(address: string, user: string, password: string): string {
  const url = new URL(address);
  // Other machines cannot reach a Unix socket of this one.
  if (url.hostname === '') {
    url.searchParams.delete('host');
    url.hostname = 'HOST';
  }
  url.username = user;
  url.password = password;
  url.hash = '';
  for (const name of [...url.searchParams.keys()]) if (!ofServer.has(name)) url.searchParams.delete(name);
  return url.href;
}

/** The number of the logical database in a Redis address; 0 by default. */
export const databaseNumber = (address: string | null): number =>
  address === null ? 0 : Number(/^\/(\d{1,9})$/.exec(new URL(address).pathname)?.[1] ?? 0);
