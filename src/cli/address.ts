import { FleetError } from '../lib/errors.ts';
import { parseRedisAddress, type RedisAddress, redisAddressWith } from '../lib/redis-address.ts';

/** The query parameters that describe the server. Others may hold a user or a password: drivers read those from a query, too. */
const ofServer: ReadonlySet<string> = new Set(['host', 'port', 'sslmode', 'sslrootcert', 'connect_timeout']);

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

/** The address of the same Redis for another user; null: a placeholder for the host. */
export const redisWith = (address: string | null, user: string, password: string): string =>
  redisAddressWith(parsed(address), user, password);

/** The number of the logical database in a Redis address; 0 by default. */
export const databaseNumber = (address: string | null): number => parsed(address).database;

function parsed(address: string | null): RedisAddress {
  const found = parseRedisAddress(address ?? 'redis://HOST:6379/0');
  if ('problem' in found) throw new FleetError('CONFIG_INVALID', `REDIS_URL ${found.problem}`);
  return found;
}
