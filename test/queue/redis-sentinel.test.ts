import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { queueName } from '../../src/fleet/job.ts';
import { openRedis, queueBackend } from '../../src/queue/backend.ts';
import { start } from '../harness/cli.ts';
import { declaredDecky, type TestHost, testHost } from '../harness/host.ts';
import { askRedis, plainLines, type RedisProcess, redisProcess } from '../harness/redis-servers.ts';
import { jsonHere } from '../harness/run-here.ts';
import { noStore, type TestStore, testStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

const [password, ofSentinels] = ['pass/word', 'watch'];

describe('Redis with Sentinels', { skip: noStore('redis') }, () => {
  let store: TestStore;
  let host: TestHost;
  let master: RedisProcess;
  let replica: RedisProcess;
  let sentinels: readonly RedisProcess[];
  const access = (port: number) => ({ port, password });
  const address = (name = 'mymaster', secret = ofSentinels): string => {
    const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',');
    return `redis+sentinel://:${encodeURIComponent(password)}@${hosts}/${name}/0?sentinelPassword=${secret}`;
  };
  const roleOf = ({ port }: RedisProcess): Promise<string> =>
    askRedis(access(port), async (client) => /role:(\w+)/.exec(await client.info('replication'))?.[1] ?? '');

  before(async () => {
    store = await testStore('postgres');
    host = testHost();
    const lines = (port: number, directory: string) => [
      ...plainLines(port, directory),
      `requirepass ${password}`,
      `masterauth ${password}`,
    ];
    master = await redisProcess(lines, { access });
    replica = await redisProcess((...of) => [...lines(...of), `replicaof 127.0.0.1 ${master.port}`], {
      access,
    });
    const watching = [
      `monitor mymaster 127.0.0.1 ${master.port} 2`,
      `auth-pass mymaster ${password}`,
      'down-after-milliseconds mymaster 1000',
      'failover-timeout mymaster 6000',
    ].map((line) => `sentinel ${line}`);
    const sentinel = () =>
      redisProcess(
        (port, directory) => [
          ...[`port ${port}`, 'bind 127.0.0.1', `dir ${directory}`, `requirepass ${ofSentinels}`],
          ...watching,
        ],
        { access: (port) => ({ port, password: ofSentinels }), args: ['--sentinel'] },
      );
    sentinels = await Promise.all([sentinel(), sentinel(), sentinel()]);
    // A failover needs a replica that is known and up to date, and Sentinels that know each other.
    for (const { port } of sentinels)
      await waitFor(() =>
        askRedis({ port, password: ofSentinels }, async (client) =>
          /status=ok,.*slaves=1,sentinels=3/.test(await client.info('sentinel')),
        ),
      );
    await waitFor(() =>
      askRedis(access(replica.port), async (client) =>
        /master_link_status:up/.test(await client.info('replication')),
      ),
    );
  });
  after(async () => {
    for (const one of [...sentinels, replica, master]) await one.remove();
    host.remove();
    await store.drop();
  });

  const env = (name: string, url = address()) => {
    const more = { DECNET_HOST_UUID: name, DECNET_INTERVAL: '1', DOCKER_HOST: 'unix:///nonexistent/x' };
    return host.env({ DATABASE_URL: store.db.url, REDIS_URL: url, ...more });
  };
  const passes = async (): Promise<Record<string, number>> => {
    const rows = await store.db.query<{ host_uuid: string; turn: string }>(
      'select host_uuid, turn from fleet_hosts',
    );
    return Object.fromEntries(rows.map(({ host_uuid, turn }) => [host_uuid, Number(turn)]));
  };
  const further = async (before: Record<string, number>): Promise<void> =>
    waitFor(async () => {
      const now = await passes();
      return ['a', 'b'].every((name) => (now[name] ?? 0) >= (before[name] ?? 0) + 3);
    }, 90_000);

  test('goes on after the master was killed: no job is lost, and none runs for another host', async () => {
    host.write([declaredDecky('web')]);
    const programs = [
      start(['scheduler'], env('a')),
      ...['a', 'b'].map((name) => start(['worker'], env(name))),
    ];
    const redis = openRedis(address());
    const backend = queueBackend({ redis, databaseUrl: store.db.url }, { outage: () => undefined });
    try {
      await further({});
      // Jobs of a host whose worker does not run.
      const queue = backend.queue(queueName('c'));
      for (let at = 0; at < 20; at += 1) await queue.add('reconcile', { host_uuid: 'c' });
      assert.equal(await redis.wait(1, 10_000), 1);
      await master.stop();
      await waitFor(async () => (await roleOf(replica)) === 'master');
      await further(await passes());
      assert.equal((await queue.getJobCounts('waiting')).waiting, 20);

      await master.start();
      await waitFor(async () => (await roleOf(master)) === 'slave');
      await further(await passes());
      const finished = await Promise.all(
        ['a', 'b'].map(async (name) => {
          const jobs = await backend.queue(queueName(name)).getJobs(['completed', 'failed']);
          return jobs.every(({ data, failedReason }) => data.host_uuid === name && !failedReason);
        }),
      );
      assert.deepEqual(finished, [true, true]);
    } finally {
      await backend.close();
      redis.disconnect();
      for (const { child } of programs) child.kill('SIGTERM');
      for (const { finished } of programs) assert.equal((await finished).code, 0);
    }
  });

  test('doctor names the Sentinels, and says what is wrong with them', async () => {
    const queues = async (url: string): Promise<string> => {
      const { checks } = await jsonHere<{ checks: { part: string; text: string }[] }>(
        ['doctor', '--json'],
        env('a', url),
      );
      return checks.find(({ part }) => part === 'queues')?.text ?? '';
    };
    const [one] = sentinels;
    assert.match(
      await queues(address()),
      /^Redis \S+ at redis\+sentinel:\/\/127\.0\.0\.1:\d+,.*\/mymaster\/0;/,
    );
    assert.match(await queues(address('other')), /The Sentinels do not know a master of this name/);
    assert.match(await queues(address('mymaster', 'wrong')), /Check the user and the password/);
    assert.match(
      await queues(`redis://:${ofSentinels}@127.0.0.1:${one?.port}`),
      /it is a Sentinel.*Name it as redis\+sentinel:\/\/HOST:PORT\/MASTER\/0/,
    );
  });
});
