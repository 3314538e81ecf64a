import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { HostView } from '../../src/views/report.ts';
import { type BusServer, busServer } from '../harness/bus-server.ts';
import { type Env, type Running, start } from '../harness/cli.ts';
import { declaredDecky, type TestHost, testHost } from '../harness/host.ts';
import { openTestQueues } from '../harness/open-queues.ts';
import { jsonHere, runHere } from '../harness/run-here.ts';
import { postgresServer, redisServer } from '../harness/servers.ts';
import { noStore, stores, type TestStore, testStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

const hostile = `admin\u001b[2J\u202e\n<b>${'x'.repeat(1000)}`;
const shown = 'admin\ufffd[2J\ufffd\ufffd<b>xx';

for (const kind of stores) {
  describe(`a worker that is asked to stop, queues on ${kind}`, { skip: noStore(kind) }, () => {
    let store: TestStore;
    let host: TestHost;
    let env: Env;
    let bus: BusServer;
    let up: Running;
    let url: string;
    let jobs: ScheduledJobs;
    const messages: Record<string, unknown>[] = [];
    const receiver = createServer(async (request, response) => {
      messages.push(JSON.parse(Buffer.concat(await request.toArray()).toString()));
      response.writeHead(204).end();
    });

    before(async () => {
      store = await testStore(kind);
      host = testHost();
      host.write([declaredDecky('web')]);
      bus = await busServer(join(host.directory, 'bus.sock'));
      await new Promise<void>((done) => receiver.listen(0, '127.0.0.1', done));
      env = host.env({
        ...store.env,
        DOCKER_HOST: 'unix:///nonexistent/docker.sock',
        DECNET_BUS_SOCKET: bus.path,
        DECNET_INTERVAL: '1',
        DECNET_WEBHOOK_URL: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`,
      });
      jobs = scheduledJobs(store);
      up = begin(['up', '--port', '0']);
      url = /http:\S+/.exec(await up.said(/Reconciling every/))?.[0] ?? '';
    });
    after(async () => {
      up.child.kill('SIGKILL');
      await up.finished;
      await jobs.close();
      receiver.close();
      await bus.stop();
      host.remove();
      await store.drop();
    });

    const view = async (): Promise<HostView | undefined> =>
      ((await (await fetch(`${url}/api/hosts`)).json()) as { hosts: HostView[] }).hosts[0];
    /** @see ask, which waits for the subscription of this one */
    const begin = (args: readonly string[], program?: string): Running => {
      bus.subscribed.length = 0;
      return start(args, env, program);
    };
    const ask = async (payload: object): Promise<void> => {
      await waitFor(() => bus.subscribed.includes('system.reconciler.control'));
      bus.send('system.reconciler.control', { action: 'stop', ts: 1, ...payload });
    };
    const said = async (...args: string[]): Promise<string> => (await runHere(args, env)).stdout;
    const page = async (path: string): Promise<string> => (await fetch(url + path)).text();

    test('in up, the worker ends and nothing else; up says so', async () => {
      assert.equal((await view())?.stopped, null);
      assert.match(await page('/metrics'), /^decnet_fleet_host_stopped\{host="local"\} 0$/m);
      await ask({ requested_by: hostile });
      const line =
        /^The worker was stopped by .*$/m.exec(await up.said(/The worker was stopped .*\n/))?.[0] ?? '';
      assert.ok(line.startsWith(`The worker was stopped by ${shown}`), line);
      assert.match(
        line,
        /The scheduler, the dashboard and notifications go on; Ctrl-C ends them\. To start the worker again, restart/,
      );
      assert.match(await said('stop', '--host', 'local'), /^No worker of host local is running/);
      assert.equal(up.child.exitCode, null);
    });

    test('the host is shown as stopped, by whom and when', async () => {
      const [listed] = (await jsonHere<{ hosts: HostView[] }>(['hosts', '--json'], env)).hosts;
      const stopped = listed?.stopped ?? assert.fail('it is not stopped');
      assert.ok(stopped.by?.startsWith(shown) && stopped.by.length === 100, JSON.stringify(stopped));
      assert.ok(Math.abs(Date.parse(stopped.at) - Date.now()) < 120_000, stopped.at);
      assert.deepEqual((await view())?.stopped, stopped);
      assert.match(await page('/metrics'), /^decnet_fleet_host_stopped\{host="local"\} 1$/m);

      // When it is stale, too.
      await waitFor(async () => (await view())?.stale === true);
      const [list, fleet, doctor] = [await said('hosts'), await said('status'), await said('doctor')];
      for (const text of [list, fleet, doctor]) assert.ok(text.includes(`stopped by ${shown}`), text);
      assert.match(list, /^local +\d+ s ago: stopped /m);
      assert.match(fleet, /^local - pass \d+ s ago: stopped /m);
      assert.match(
        fleet,
        /to start its worker, run `decnet-fleet worker` on that host, or restart `decnet-fleet up`/,
      );
      assert.match(
        doctor,
        /^note +worker +host local is not monitored: stopped by .* To start its worker, run/m,
      );
      for (const path of ['/', '/hosts/local']) {
        const text = await page(path);
        assert.match(text, /stopped by admin\ufffd\[2J\ufffd\ufffd&lt;b>?(&gt;)?x+… <time /, path);
        assert.match(text, /To start its worker again, run <code>decnet-fleet worker<\/code>/, path);
        assert.doesNotMatch(text, /STALE|next in|1 stale/, path);
      }
      assert.match(await page('/'), /1 stopped \(/);
    });

    test('the notifier reports once that the host is not monitored, and why', async () => {
      await waitFor(() => messages.length > 0);
      const [stale] = messages;
      assert.equal(stale?.kind, 'host_stale');
      assert.match(String(stale?.reason), /^stopped by admin.*… at \d{4}-\d\d-\d\dT[\d:.]+Z$/);
      assert.equal(stale?.text, `Host local is not monitored: ${stale?.reason}`);
    });

    test('the schedule goes on, and a one-shot is run here; the host stays stopped', async () => {
      for (let round = 0; round < 2; round += 1) {
        // One scheduled job waits, as for any host without a worker. The one-shot's worker runs it, and the next one comes.
        await waitFor(async () => (await jobs.waiting()) === 1);
        const { host_uuid: of } = await jsonHere<{ host_uuid: string }>(
          ['reconcile', '--once', '--json'],
          env,
        );
        assert.equal(of, 'local');
      }
      assert.ok((await view())?.stopped);
      await waitFor(async () => (await view())?.stale === true);
      assert.equal(messages.length, 1, 'and nobody is notified again');
    });

    test('a worker that starts is no longer shown as stopped', async () => {
      const worker = begin([], 'worker.ts');
      await waitFor(async () => (await view())?.stopped === null);
      await waitFor(() => messages.length > 1);
      assert.equal(messages[1]?.kind, 'host_fresh');
      assert.match(await said('doctor'), /^ok +worker +a worker of host local is running$/m);
      assert.match(await said('hosts'), /^local +\d+ s ago +unreachable(?!.*stopped)/m);

      assert.match(await said('stop', '--host', 'local'), /^The worker of host local has stopped/);
      assert.equal((await worker.finished).code, 0);
      assert.match((await view())?.stopped?.by ?? '', /^\S+ \(decnet-fleet stop\)$/);
    });

    test('worker.ts ends with exit 0 at the message of DECNET’s own bus', async () => {
      const worker = begin([], 'worker.ts');
      await waitFor(async () => (await view())?.stopped === null);
      await ask({ requested_by: { toString: 0 } });
      assert.equal((await worker.finished).code, 0);
      assert.equal((await view())?.stopped?.by, null);
      assert.match(await said('hosts'), /stopped on request \d+ s ago/);
    });

    test('in reconcile --interval, the worker ends and nothing else', async () => {
      const running = begin(['reconcile', '--interval', '1']);
      await running.said(/first pass: /);
      await ask({ requested_by: 'admin' });
      await running.said(/The worker was stopped by admin\. The scheduler and notifications go on/);
      assert.equal((await view())?.stopped?.by, 'admin');
      assert.match(await said('stop', '--host', 'local'), /^No worker of host local is running/);
      assert.equal(running.child.exitCode, null);
      running.child.kill('SIGTERM');
      assert.equal((await running.finished).code, 0);
    });

    test('up ends at Ctrl-C', async () => {
      assert.equal(up.child.exitCode, null);
      up.child.kill('SIGINT');
      const { code, stderr } = await up.finished;
      assert.equal(code, 0, stderr);
    });
  });
}

for (const kind of stores)
  test(`a stop while the stores are down is recorded when they are back, queues on ${kind}`, {
    skip: noStore(kind),
  }, async () => {
    const [postgres, redis] = await Promise.all([postgresServer(), kind === 'redis' ? redisServer() : null]);
    const host = testHost();
    const bus = await busServer(join(host.directory, 'bus.sock'));
    const env = host.env({
      DATABASE_URL: postgres.url,
      ...(redis && { REDIS_URL: redis.url }),
      DOCKER_HOST: 'unix:///nonexistent/docker.sock',
      DECNET_BUS_SOCKET: bus.path,
      DECNET_INTERVAL: '1',
    });
    host.write([declaredDecky('web')]);
    assert.equal((await runHere(['migrate'], env)).code, 0);
    const up = start(['up', '--port', '0'], env);
    try {
      await up.said(/Reconciling every/);
      await waitFor(() => bus.subscribed.includes('system.reconciler.control'));
      await Promise.all([postgres.stop(), redis?.stop()]);
      bus.send('system.reconciler.control', { action: 'stop', requested_by: 'admin', ts: 1 });
      await up.said(/The worker was stopped by admin/);
      await Promise.all([postgres.start(), redis?.start()]);
      const view = async () =>
        (await jsonHere<{ hosts: HostView[] }>(['hosts', '--json'], env)).hosts[0] ?? assert.fail('no host');
      await waitFor(async () => (await view()).stopped?.by === 'admin');
      await waitFor(async () => (await view()).stale);
      assert.match(
        (await runHere(['stop', '--host', 'local'], env)).stdout,
        /^No worker of host local is running/,
      );
      assert.equal(up.child.exitCode, null);
      up.child.kill('SIGTERM');
      assert.equal((await up.finished).code, 0);
    } finally {
      up.child.kill('SIGKILL');
      await up.finished;
      await bus.stop();
      await redis?.remove();
      await postgres.remove();
      host.remove();
    }
  });

interface ScheduledJobs {
  /** The scheduled jobs that wait on the host's queue. */
  waiting(): Promise<number>;
  close(): Promise<void>;
}

function scheduledJobs({ redisUrl, db }: TestStore): ScheduledJobs {
  const backend = openTestQueues(redisUrl, db.url);
  return {
    waiting: async () => {
      const jobs = await backend.queue('reconcile.local').getJobs(['waiting', 'prioritized']);
      return jobs.filter(({ data }) => data?.cause === 'schedule').length;
    },
    close: backend.close,
  };
}
