/** What of an address is the server's, and not the user's: a driver takes a user and a password from a query, too. */
const ofServer: ReadonlySet<string> = new Set([
  'host',
  'port',
  'sslmode',
  'sslrootcert',
  'connect_timeout',
  'family',
  'tls',
]);

/** The same server for somebody else. Nothing else of the address is repeated: it may hold secrets. */
export function addressWith(address: string, user: string, password: string): string {
  const url = new URL(address);
  // A socket of this machine is no place for another one.
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

/** The number of the logical database in an address of Redis. */
export const databaseNumber = (address: string | null): number =>
  address === null ? 0 : Number(/^\/(\d{1,9})$/.exec(new URL(address).pathname)?.[1] ?? 0);
