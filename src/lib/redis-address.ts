/** A Redis, or the Sentinels that know which one is the master. */
export interface RedisAddress {
  readonly isTls: boolean;
  readonly user: string | null;
  readonly password: string | null;
  /** The number of the logical database. */
  readonly database: number;
  /** The one server, or the Sentinels. */
  readonly servers: readonly RedisServer[];
  /** Null: the server itself is named. */
  readonly sentinel: SentinelAccess | null;
  /** The other parameters of the address of one server, which the driver reads. */
  readonly parameters: Readonly<Record<string, string>>;
}

export interface RedisServer {
  readonly host: string;
  readonly port: number;
}

/** How the Sentinels are asked. */
export interface SentinelAccess {
  /** The name under which they know the master. */
  readonly master: string;
  readonly user: string | null;
  readonly password: string | null;
}

/** The files for TLS; null: not configured. */
export interface RedisTls {
  /** The certificates of the authorities that are trusted; null: those that Node.js trusts. */
  readonly caFile: string | null;
  /** Our own certificate and its key, for a server that asks for them: both or neither. */
  readonly certFile: string | null;
  readonly keyFile: string | null;
}

/** The variables that name the files for TLS. */
export const redisTlsVariables = {
  caFile: 'REDIS_CA_FILE',
  certFile: 'REDIS_CERT_FILE',
  keyFile: 'REDIS_KEY_FILE',
} as const;

const protocols = ['redis:', 'rediss:', 'redis+sentinel:', 'rediss+sentinel:'] as const;

const defaultPorts = { server: 6379, sentinel: 26379 };
const sentinelForm = 'redis+sentinel://HOST:26379,HOST:26379,HOST:26379/MASTER/0';
const sentinelParameters = ['sentinelUser', 'sentinelPassword'];

/** The parts of an address. The list of hosts is no host of a URL, so it is taken apart by hand. */
const form = /^\s*([a-z+]+):\/\/(?:([^@/?#]*)@)?([^@/?#]*)(\/[^@?#]*)?(?:\?([^#]*))?\s*$/i;

/** Parses an address. The problem does not contain the address, which may contain a password. */
export function parseRedisAddress(text: string): RedisAddress | { readonly problem: string } {
  const [, scheme = '', login = '', hosts = '', path = '', query = ''] = form.exec(text) ?? [];
  const protocol = `${scheme.toLowerCase()}:`;
  if (protocol === 'redis+cluster:' || protocol === 'rediss+cluster:')
    return { problem: 'is of a Redis Cluster, which is not supported; see docs/redis.md' };
  if (!protocols.some((one) => one === protocol))
    return { problem: `is not an address; allowed: ${protocols.map((one) => `${one}//…`).join(', ')}` };
  const isSentinel = protocol.endsWith('+sentinel:');
  try {
    const named = isSentinel ? hosts.split(',') : [hosts || (login === '' ? 'localhost' : '')];
    const servers = named.map((one) =>
      serverOf(one, isSentinel ? defaultPorts.sentinel : defaultPorts.server),
    );
    // A password with an unencoded `?` moves the `@` into the parameters.
    if (servers.includes(null) || (path === '' && query.includes('@')))
      return {
        problem: 'has a wrong host or port; allowed: HOST:PORT, and special characters of a password encoded',
      };
    const parameters = Object.fromEntries(new URLSearchParams(query));
    const names = namesIn(path, isSentinel);
    if (typeof names === 'string') return { problem: names };
    const unknown = Object.keys(parameters).find((name) => isSentinel && !sentinelParameters.includes(name));
    if (unknown !== undefined)
      return { problem: `has a parameter other than ${sentinelParameters.join(' and ')}` };
    const [user, password] = loginOf(login);
    return {
      isTls: protocol.startsWith('rediss'),
      user,
      password,
      database: names.database,
      servers: servers.filter((one) => one !== null),
      sentinel: isSentinel
        ? {
            master: names.master,
            user: parameters.sentinelUser || null,
            password: parameters.sentinelPassword || null,
          }
        : null,
      parameters: isSentinel ? {} : parameters,
    };
  } catch {
    return { problem: 'has a "%" that does not begin an encoded character; write it as %25' };
  }
}

/** The name of the master and the number of the database; a text: what is wrong. */
function namesIn(path: string, isSentinel: boolean): { master: string; database: number } | string {
  const parts = path.replace(/\/$/, '').split('/').slice(1).map(decodeURIComponent);
  const master = isSentinel ? (parts.shift() ?? '') : '';
  if (isSentinel && master === '') return `names no master; write it as ${sentinelForm}`;
  const [number = '', ...more] = parts;
  if (more.length > 0 || !/^\d{0,9}$/.test(number))
    return `has a database that is not a number; write it as ${isSentinel ? sentinelForm : 'redis://HOST:6379/0'}`;
  return { master, database: Number(number) };
}

function serverOf(text: string, defaultPort: number): RedisServer | null {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-f:.]+)\]|([^\s:[\],]*))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = bracketed ?? decodeURIComponent(plain ?? '');
  const number = Number(port ?? defaultPort);
  return host === '' || number < 1 || number > 65_535 ? null : { host, port: number };
}

function loginOf(text: string): readonly [user: string | null, password: string | null] {
  const [user = '', ...password] = text.split(':');
  return [decodeURIComponent(user) || null, decodeURIComponent(password.join(':')) || null];
}

/** The address without user, password and parameters, for messages. */
export function redisLocation({ isTls, database, servers, sentinel }: RedisAddress): string {
  const scheme = `redis${isTls ? 's' : ''}${sentinel === null ? '' : '+sentinel'}`;
  const master = sentinel === null ? '' : `/${encodeURIComponent(sentinel.master)}`;
  const hosts = servers.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`);
  return `${scheme}://${hosts.join(',')}${master}/${database}`;
}

/** The parameters that describe the server. Others may hold a user or a password. */
const ofServer = ['family', 'tls'];

/** The same address for another user. What it says of the Sentinels' login is dropped: a Sentinel has users of its own. */
export function redisAddressWith(address: RedisAddress, user: string, password: string): string {
  const [scheme, rest] = redisLocation(address).split('://');
  const kept = Object.entries(address.parameters).filter(([name]) => ofServer.includes(name));
  const query = kept.length === 0 ? '' : `?${new URLSearchParams(kept)}`;
  return `${scheme}://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${rest}${query}`;
}
