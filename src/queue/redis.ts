import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { Redis, type RedisOptions } from 'ioredis';
import { codeOf, FleetError, reasonOf } from '../lib/errors.ts';
import {
  parseRedisAddress,
  type RedisAddress,
  type RedisTls,
  redisLocation,
  redisTlsVariables,
} from '../lib/redis-address.ts';
import { withinLimit } from '../lib/within-limit.ts';
import { isLasting } from './redis-faults.ts';

/** The time limit for connecting to the store, in milliseconds. */
export const connectWithinMs = 5000;

/** The longest pause between two attempts to connect, in milliseconds. */
const longestPauseMs = 1000;

/** A master that has not answered for this number of milliseconds counts as dead, and the Sentinels are asked again. */
const silentForMs = 20_000;

const locations = new WeakMap<Redis, string>();

/**
 * The connection for all non-blocking commands. BullMQ and the bus duplicate it for their own.
 * @throws FleetError CONFIG_INVALID
 */
export function openRedis(url: string, tls: RedisTls | null = null): Redis {
  const address = parseRedisAddress(url);
  if ('problem' in address) throw new FleetError('CONFIG_INVALID', `REDIS_URL ${address.problem}`);
  const redis = new Redis(redisOptions(address, tlsContext(tls)));
  // Without a listener ioredis prints each error. Whoever uses the connection reports its outages.
  redis.on('error', () => undefined);
  locations.set(redis, redisLocation(address));
  return redis;
}

/** The address of a connection of `openRedis`, for messages. */
export const connectionLocation = (redis: Redis): string => locations.get(redis) ?? 'redis';

type Options = RedisOptions & { readonly replyMapping?: 'legacy' };

/** The options of every connection to Redis. */
export function redisOptions(address: RedisAddress, context: SecureContextOptions): Options {
  const { servers, sentinel, user, password, database, isTls, parameters } = address;
  const [server] = servers;
  const pause = (tries: number): number => Math.min(tries * 100, longestPauseMs);
  // The driver checks the name of the certificate against the host that it connects to.
  const tls = isTls ? context : undefined;
  return {
    maxRetriesPerRequest: null,
    connectTimeout: connectWithinMs,
    // BullMQ connects a lazy connection itself, and keeps the failure of the first attempt: its worker then waits for ever.
    lazyConnect: false,
    // A user with the rights of one host may not run it, and each refusal would be an entry in ACL LOG.
    disableClientInfo: true,
    retryStrategy: pause,
    // A server that becomes a replica keeps its connections. Reconnect: its host name may point to the new primary.
    reconnectOnError: ({ message }) => (/^(READONLY|UNBLOCKED)/.test(message) ? 2 : false),
    ...(sentinel === null
      ? { ...driverParameters(parameters), ...server, ...(tls && { tls }) }
      : {
          sentinels: servers.map((one) => ({ ...one })),
          name: sentinel.master,
          ...given('sentinelUsername', sentinel.user),
          ...given('sentinelPassword', sentinel.password),
          sentinelRetryStrategy: pause,
          // A master whose machine is gone ends no connection. A worker asks for its next job for at most 10 s.
          socketTimeout: silentForMs,
          ...(tls && { tls, sentinelTLS: tls, enableTLSForSentinelMode: true }),
        }),
    ...given('username', user),
    ...given('password', password),
    db: database,
  };
}

const given = (name: string, value: string | null): object => (value === null ? {} : { [name]: value });

const driverParameters = ({ family, ...more }: RedisAddress['parameters']): object => ({
  ...more,
  ...(family !== undefined && { family: Number.parseInt(family, 10) || family }),
});

/** The content of the files for TLS. @throws FleetError CONFIG_INVALID when a file cannot be read or used */
function tlsContext(files: RedisTls | null): SecureContextOptions {
  const read = (part: keyof RedisTls): string | undefined => {
    const file = files?.[part] ?? null;
    if (file === null) return undefined;
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      const why = codeOf(error) ?? reasonOf(error);
      throw wrongFile(part, file, `cannot be read (${why})`, error);
    }
  };
  const context = { ca: read('caFile'), cert: read('certFile'), key: read('keyFile') };
  for (const part of ['caFile', 'certFile'] as const) {
    const text = part === 'caFile' ? context.ca : context.cert;
    if (text !== undefined && !text.includes('-----BEGIN CERTIFICATE-----'))
      throw wrongFile(part, files?.[part] ?? '', 'has no certificate in PEM');
  }
  try {
    createSecureContext(context);
  } catch (error) {
    const why = reasonOf(error);
    throw new FleetError(
      'CONFIG_INVALID',
      `The files of ${Object.values(redisTlsVariables).join(', ')}: ${why}`,
      {
        advice:
          'REDIS_KEY_FILE must be the key of the certificate in REDIS_CERT_FILE, in PEM, without a password',
        cause: error,
      },
    );
  }
  return Object.fromEntries(Object.entries(context).filter(([, text]) => text !== undefined));
}

const wrongFile = (part: keyof RedisTls, file: string, problem: string, cause?: unknown): FleetError =>
  new FleetError('CONFIG_INVALID', `${redisTlsVariables[part]} is "${file}", which ${problem}`, { cause });

/**
 * Waits for an answer with a time limit. An error that does not pass by itself, such as a wrong certificate, rejects at once;
 * otherwise the driver tries again for as long as there is time.
 */
export async function answered<T>(redis: Redis, ask: () => Promise<T>): Promise<T> {
  let last: Error | null = null;
  let refuse: (error: Error) => void = () => undefined;
  const refused = new Promise<never>((_, fail) => {
    refuse = fail;
  });
  const heard = (error: Error): void => {
    last = error;
    if (isLasting(error)) refuse(error);
  };
  redis.on('error', heard);
  try {
    return await withinLimit(
      () => Promise.race([ask(), refused]),
      undefined,
      (seconds) => new Error(`no answer within ${seconds} s${last === null ? '' : ` (${reasonOf(last)})`}`),
    );
  } finally {
    redis.off('error', heard);
  }
}
