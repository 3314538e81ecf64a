import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import { stateTopic } from '../src/index.ts';
import { packageRoot } from '../src/lib/package.ts';
import { type Running, start } from './harness/cli.ts';
import { type TestDatabase, testDatabase } from './harness/database.ts';
import { type FakeEngine, fakeEngine } from './harness/fake-engine.ts';
import { declaredDecky, type TestHost, testHost } from './harness/host.ts';
import { runHere } from './harness/run-here.ts';
import { redisServer, type Server } from './harness/servers.ts';
import { noStore } from './harness/stores.ts';
import { waitFor } from './harness/wait.ts';

/** Programs import the package by its name; here that is the source. */
const asPackage = { NODE_OPTIONS: '--conditions=decnet-fleet-source' };
const examples = ['one-shot', 'changes'] as const;
const sourceOf = (name: (typeof examples)[number]): string =>
  readFileSync(join(packageRoot, 'examples', `${name}.ts`), 'utf8').trimEnd();

test('the page of the API has the examples as they are run here', () => {
  const page = readFileSync(join(packageRoot, 'docs/api.md'), 'utf8');
  for (const name of examples) assert.ok(page.includes(`\`\`\`ts\n${sourceOf(name)}\n\`\`\``), name);
});

test('the topic of all deckies is one of a single decky with wildcards', () => {
  assert.equal(stateTopic('*', '*'), stateTopic('a', 'b').replace('a:b', '*:*'));
});

describe('a program that uses the package', { skip: noStore('redis') }, () => {
  let database: TestDatabase;
  let redis: Server;
  let host: TestHost;
  let engine: FakeEngine;
  let worker: Running;
  let env: Readonly<Record<string, string>>;
  before(async () => {
    database = await testDatabase();
    // Of its own: the names of the channels have the number of the database, if it is not the first.
    redis = await redisServer();
    [host, engine] = [testHost(), await fakeEngine()];
    host.write([declaredDecky('web'), declaredDecky('mail')]);
    env = {
      ...host.env({ DATABASE_URL: database.url, REDIS_URL: redis.url }),
      DOCKER_HOST: engine.host,
      DECNET_INTERVAL: '3600',
      ...asPackage,
    };
    assert.equal((await runHere(['migrate'], env)).code, 0);
    worker = start([], env, 'worker.ts');
    await waitFor(
      async () => JSON.parse((await runHere(['hosts', '--json'], env)).stdout).hosts[0]?.docker === 'ok',
    );
  });
  after(async () => {
    worker?.child.kill('SIGTERM');
    await worker?.finished;
    await engine?.stop();
    host?.remove();
    await redis?.remove();
    await database?.drop();
  });

  test('enqueues a one-shot, reads its counts, and follows the changes', async () => {
    const changes = start([], env, 'examples/changes.ts');
    const client = new Redis(redis.url);
    try {
      // It hears only what is published after it has subscribed.
      await waitFor(async () => Number(await client.pubsub('NUMPAT')) > 0);
      host.write([declaredDecky('web')]);
      await waitFor(async () => {
        const { code, stdout, stderr } = await start(['local'], env, 'examples/one-shot.ts').finished;
        assert.equal(code, 0, stderr);
        assert.match(stdout, /^\d+ inserted, \d+ changed, \d+ deleted\n$/);
        return true;
      });
      host.write([declaredDecky('web'), declaredDecky('new')]);
      await changes.said(/^local new: new → \w+$/m);
    } finally {
      client.disconnect();
      changes.child.kill('SIGTERM');
      await changes.finished;
    }
  });
});
