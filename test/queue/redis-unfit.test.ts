import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type TestHost, testHost } from '../harness/host.ts';
import { plainLines, redisProcess } from '../harness/redis-servers.ts';
import { jsonHere, runHere } from '../harness/run-here.ts';
import { redisServer } from '../harness/servers.ts';
import { noStore, type TestStore, testStore } from '../harness/stores.ts';

describe('a Redis that cannot have the queues', { skip: noStore('redis') }, () => {
  let store: TestStore;
  let host: TestHost;
  before(async () => {
    store = await testStore('postgres');
    host = testHost();
  });
  after(async () => {
    host.remove();
    await store.drop();
  });
  const env = (url: string) =>
    host.env({ DATABASE_URL: store.db.url, REDIS_URL: url, DOCKER_HOST: 'unix:///nonexistent/x' });
  const queues = async (url: string): Promise<string> => {
    const { checks } = await jsonHere<{ checks: { part: string; verdict: string; text: string }[] }>(
      ['doctor', '--json'],
      env(url),
    );
    const { verdict, text } = checks.find(({ part }) => part === 'queues') ?? assert.fail('not checked');
    return `${verdict}: ${text}`;
  };

  test('as a node of a cluster is named, by doctor and at start', async () => {
    const node = await redisProcess((...of) => [...plainLines(...of), 'cluster-enabled yes']);
    try {
      const expected =
        /node of a Redis Cluster, which is not supported\. Use a single Redis, or one with Sentinels/;
      assert.match(await queues(node.url), expected);
      const { code, stderr } = await runHere(['worker'], env(node.url));
      assert.equal(code, 2);
      assert.match(stderr, expected);
    } finally {
      await node.remove();
    }
  });

  test('as a read-only replica is named, with its master', async () => {
    const master = await redisServer();
    const { port } = new URL(master.url);
    const replica = await redisProcess((...of) => [...plainLines(...of), `replicaof 127.0.0.1 ${port}`]);
    try {
      const text = await queues(replica.url);
      assert.match(text, /^fault: .*it is a read-only replica/);
      assert.ok(text.includes(`Point REDIS_URL at its master (127.0.0.1:${port})`), text);
    } finally {
      await replica.remove();
      await master.remove();
    }
  });

  test('because it drops keys is named', async () => {
    const server = await redisServer(['--maxmemory-policy', 'allkeys-lru']);
    try {
      assert.match(
        await queues(server.url),
        /^fault: maxmemory-policy is allkeys-lru: .* Set it to noeviction/,
      );
    } finally {
      await server.remove();
    }
  });
});
