import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedDatabase, openEmbedded } from '../../src/embedded-postgres/embedded.ts';
import { findProgram } from './program.ts';

/** What one run of the tests shares: a PostgreSQL, and a Redis where there is one. Set up before the first file. */
let database: EmbeddedDatabase | null = null;
let directory = '';
let stopRedis: () => Promise<void> = async () => undefined;

export async function globalSetup(): Promise<void> {
  directory = await mkdtemp(join(tmpdir(), 'decnet-fleet-test-'));
  // Root's PostgreSQL runs as another user, who must get in.
  await import('node:fs/promises').then(({ chmod }) => chmod(directory, 0o755));
  database = await openEmbedded(join(directory, 'data'));
  process.env.TEST_DATABASE_URL = database.url;
  const redis = await findProgram('redis-server');
  if (redis !== null) {
    const port = await freePort();
    const child = spawn(
      redis,
      [
        '--port',
        String(port),
        '--bind',
        '127.0.0.1',
        '--save',
        '',
        '--databases',
        '100000',
        '--dir',
        directory,
      ],
      {
        stdio: 'ignore',
      },
    );
    const ended = new Promise<void>((done) => child.once('exit', () => done()));
    stopRedis = async () => {
      child.kill();
      await ended;
    };
    process.env.TEST_REDIS_URL = `redis://127.0.0.1:${port}`;
  }
}

export async function globalTeardown(): Promise<void> {
  await stopRedis();
  await database?.close();
  await rm(directory, { recursive: true, force: true });
}

export const freePort = (): Promise<number> =>
  new Promise((done, fail) => {
    const server = createServer();
    server.once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => done(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
