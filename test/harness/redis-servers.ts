import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis, type RedisOptions } from 'ioredis';
import { findProgram } from './program.ts';
import { programServer, type Server } from './servers.ts';
import { freePort } from './services.ts';

/** How the harness reaches a server. */
type Access = Pick<RedisOptions, 'port' | 'tls' | 'username' | 'password'>;

/** A redis-server of its own kind: with TLS, a replica, a Sentinel, a node of a cluster. */
export interface RedisProcess extends Server {
  readonly port: number;
  readonly directory: string;
}

/**
 * Starts a redis-server. It keeps its settings, and its port, when it is started again.
 * @param settings lines of its configuration file, which it may rewrite
 * @param made.access how the harness reaches it; by default without login
 * @param made.args more arguments, such as `--sentinel`
 */
export async function redisProcess(
  settings: (port: number, directory: string) => readonly string[],
  made: { access?: (port: number) => Access; args?: readonly string[]; scheme?: string } = {},
): Promise<RedisProcess> {
  const port = await freePort();
  const directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-redis-'));
  const file = join(directory, 'redis.conf');
  writeFileSync(file, `${settings(port, directory).join('\n')}\n`);
  const url = `${made.scheme ?? 'redis'}://127.0.0.1:${port}`;
  const program = (await findProgram('redis-server')) ?? '';
  const server = programServer(directory, program, [file, ...(made.args ?? [])], url, () =>
    askRedis({ port, ...made.access?.(port) }, (client) => client.ping()).then(() => undefined),
  );
  await server.start();
  return { ...server, port, directory };
}

/** One command on a server that may be starting. */
export async function askRedis<T>(access: Access, ask: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis({
    ...access,
    host: '127.0.0.1',
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await ask(client);
  } finally {
    client.disconnect();
  }
}

/** The lines that every server has. */
export const plainLines = (port: number, directory: string): readonly string[] => [
  `port ${port}`,
  'bind 127.0.0.1',
  'save ""',
  `dir ${directory}`,
];
