import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import { grantRedis } from '../../src/fleet/grant.ts';
import { packageRoot } from '../../src/lib/package.ts';
import { start, startDashboard } from '../harness/cli.ts';
import { declaredDecky, type TestHost, testHost } from '../harness/host.ts';
import { ask, basic } from '../harness/http.ts';
import { jsonHere, runHere } from '../harness/run-here.ts';
import { redisServer, type Server } from '../harness/servers.ts';
import { noStore, type TestStore, testStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

/** The users of docs/redis.md, in the order of the document. */
const lines = readFileSync(join(packageRoot, 'docs/redis.md'), 'utf8').match(
  /^ACL SETUSER decnet_(?:scheduler|dashboard|host_7) .*$/gm,
);

describe('the Redis users of the document', { skip: noStore('redis') }, () => {
  let store: TestStore;
  let host: TestHost;
  let server: Server;
  let admin: Redis;
  before(async () => {
    store = await testStore('postgres');
    host = testHost();
    server = await redisServer();
    admin = new Redis(server.url);
    for (const line of lines ?? [])
      await admin.call('ACL', ...(line.slice('ACL '.length).match(/\([^)]*\)|\S+/g) ?? []));
    host.write([declaredDecky('web')]);
  });
  after(async () => {
    admin.disconnect();
    await server.remove();
    host.remove();
    await store.drop();
  });
  const env = (user: string) =>
    host.env({
      DATABASE_URL: store.db.url,
      REDIS_URL: server.url.replace('//', `//${user}:PASSWORD@`),
      DECNET_HOST_UUID: 'host-7',
      DECNET_INTERVAL: '1',
      DOCKER_HOST: 'unix:///nonexistent/x',
      DASHBOARD_USER: 'ops',
      DASHBOARD_PASSWORD: 'secret',
    });
  const refused = async (): Promise<readonly string[]> => {
    const log = (await admin.call('ACL', 'LOG')) as readonly (readonly unknown[])[];
    return log.map((entry) => {
      const field = (name: string): string => String(entry[entry.indexOf(name) + 1]);
      return `${field('username')}: ${field('reason')} ${field('object')} (${field('context')})`;
    });
  };

  test('are three, and that of a worker is what grant prints', () => {
    assert.equal(lines?.length, 3);
    assert.equal(lines?.[2], grantRedis('host-7', 'decnet_host_7', 'PASSWORD', 0));
  });

  test('suffice for a scheduler, a worker, a dashboard, and what is done on its pages', async () => {
    const programs = [start(['scheduler'], env('decnet_scheduler')), start(['worker'], env('decnet_host_7'))];
    const { dashboard, url } = await startDashboard(env('decnet_dashboard'));
    programs.push(dashboard);
    const headers = { authorization: basic('ops', 'secret'), 'content-type': 'application/json' };
    const page = async (path: string, method = 'GET', body?: string): Promise<string> => {
      const reply = await ask(`${url}${path}`, { method, headers, ...(body !== undefined && { body }) });
      assert.ok(reply.status < 400, `${method} ${path}: ${reply.status} ${reply.body.slice(0, 300)}`);
      return reply.body;
    };
    try {
      await waitFor(async () => {
        const [row] = await store.db.query<{ turn: string }>('select turn from fleet_hosts');
        return Number(row?.turn) >= 3;
      });
      for (const path of ['/', '/hosts/host-7', '/readyz', '/metrics', '/queues/api/queues'])
        await page(path);
      await waitFor(async () => (await page('/queues/api/queues')).includes('reconcile.host-7'));
      const board = '/queues/api/queues/reconcile.host-7';
      await page(`${board}/pause`, 'PUT', '{}');
      await page(
        `${board}/add`,
        'POST',
        JSON.stringify({ name: 'reconcile', data: { host_uuid: 'host-7' } }),
      );
      await page(`${board}/resume`, 'PUT', '{}');
      await page(`${board}/clean/completed`, 'PUT', '{}');
      for (const path of [
        `?activeQueue=reconcile.host-7&status=completed`,
        '?activeQueue=schedule&status=delayed',
      ])
        await page(`/queues/api/queues${path}`);
      const user = env('decnet_dashboard');
      for (const args of [
        ['reconcile', '--once'],
        ['plan'],
        ['pause', 'host-7', '--why', 'test', '--for', '1h'],
        ['resume', 'host-7'],
      ]) {
        const { code, stderr } = await runHere(args, user);
        assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
      }
      const { checks } = await jsonHere<{ checks: { part: string; text: string }[] }>(
        ['doctor', '--json'],
        user,
      );
      assert.match(
        checks.find(({ part }) => part === 'worker')?.text ?? '',
        /a worker of host host-7 is running/,
      );
      const stopped = await runHere(['stop', '--host', 'host-7'], user);
      assert.equal(stopped.code, 0, stopped.stderr);
      const forgotten = await runHere(['forget', '--host', 'host-7', '--yes'], user);
      assert.equal(forgotten.code, 0, forgotten.stderr);
      assert.deepEqual(await refused(), []);
    } finally {
      for (const { child } of programs) child.kill('SIGTERM');
      for (const { finished } of programs) await finished;
    }
  });

  test('that lack a right are named by doctor', async () => {
    await admin.call('ACL', 'SETUSER', 'decnet_scheduler', '-info');
    const { checks } = await jsonHere<{ checks: { part: string; verdict: string; text: string }[] }>(
      ['doctor', '--json'],
      env('decnet_scheduler'),
    );
    const { verdict, text } = checks.find(({ part }) => part === 'queues') ?? assert.fail('not checked');
    assert.equal(verdict, 'fault');
    assert.match(text, /'info' command.*Give the user the rights of docs\/redis\.md/);
  });
});
