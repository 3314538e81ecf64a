import { execFile, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { openDatabase } from '../../src/database/orm.ts';
import { type EmbeddedDatabase, openEmbedded } from '../../src/embedded-postgres/embedded.ts';
import { fastDirectory } from './fast-directory.ts';
import { openTestQueues } from './open-queues.ts';
import { findProgram } from './program.ts';

/** What one run of the tests shares: a PostgreSQL, and a Redis where there is one. Set up before the first file. */
let database: EmbeddedDatabase | null = null;
let directory = '';
let stopRedis: () => Promise<void> = async () => undefined;

export async function globalSetup(): Promise<void> {
  directory = await mkdtemp(join(fastDirectory(), 'decnet-fleet-test-'));
  // Root's PostgreSQL runs as another user, who must get in.
  await chmod(directory, 0o755);
  // Each test file is a process of its own, and so is each program that it starts; they load much the same.
  process.env.NODE_COMPILE_CACHE = join(directory, 'compiled');
  await mkdir(process.env.NODE_COMPILE_CACHE, { mode: 0o700 });
  const data = join(directory, 'data');
  await (await openEmbedded(data)).close();
  process.env.TEST_CLUSTER = join(directory, 'cluster');
  await copyCluster(data, process.env.TEST_CLUSTER);
  database = await openTuned(data);
  process.env.TEST_DATABASE_URL = database.url;
  process.env.TEST_TEMPLATE = await makeTemplate(database.url);
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

/** Copies a database that is stopped, which is much faster than to make one. */
export async function copyCluster(from: string, to: string): Promise<void> {
  await promisify(execFile)('cp', ['-a', from, to]);
}

/** Settings for a server that many tests use at once, and whose data nobody needs after a crash. */
const tuning = ['max_connections = 400', 'fsync = off', 'synchronous_commit = off', 'full_page_writes = off'];

async function openTuned(data: string): Promise<EmbeddedDatabase> {
  const first = await openEmbedded(data);
  await queries(
    first.url,
    tuning.map((setting) => `alter system set ${setting}`),
  );
  // The last one out stops it: it starts again with its settings.
  await first.close();
  return openEmbedded(data);
}

/** Makes a database as `migrate` leaves it, of which the tests' own are copies: a copy is faster than a migration. */
async function makeTemplate(server: string): Promise<string> {
  const name = 'test_template';
  await queries(server, [`create database ${name}`]);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const made = await openDatabase(url.href);
  await made.migrate();
  await made.close();
  const queues = openTestQueues(null, url.href);
  await queues.prepare();
  await queues.close();
  return name;
}

async function queries(url: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
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
