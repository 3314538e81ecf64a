import assert from 'node:assert/strict';
import { watchControl } from '../../src/app/control-watch.ts';
import { raiseAlerts } from '../../src/database/ledger/alerts.ts';
import { openDatabase } from '../../src/database/orm.ts';
import { postgresOutbox } from '../../src/database/outbox.ts';
import { type AlertUpdate, alertUpdates } from '../../src/fleet/alerts/alert.ts';
import { scheduleQueue } from '../../src/fleet/job.ts';
import type { Cause } from '../../src/fleet/plan/cause.ts';
import type { Container } from '../../src/fleet/plan/container-match.ts';
import { noMemory } from '../../src/fleet/plan/memory.ts';
import type { FleetState } from '../../src/fleet/state.ts';
import { createLog } from '../../src/lib/log.ts';
import { webhookSettings } from '../../src/notify/addresses.ts';
import { startNotifier } from '../../src/notify/notifier.ts';
import { pass } from '../../src/pass/pass.ts';
import { openRedis, type QueueBackend, queueBackend } from '../../src/queue/backend.ts';
import { startScheduler } from '../../src/queue/schedule.ts';
import { type Env, type Running, start } from '../harness/cli.ts';
import { type CutProxy, cutProxy } from '../harness/cut.ts';
import { decky, declared, seen, serviceOf } from '../harness/facts.ts';
import { fakeEngine } from '../harness/fake-engine.ts';
import { declaredDecky, testHost } from '../harness/host.ts';
import { runHere } from '../harness/run-here.ts';
import { redisServer } from '../harness/servers.ts';
import { type StoreKind, testRedisUrl } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';
import type { Scene } from './scene.ts';

/** A fleet with its control plane: a database, the queues, a scheduler, and one notifier. */
export interface Rig extends Scene {
  readonly backend: QueueBackend;
  /** Of a dashboard, which loses the database with the notifier. */
  readonly dashboardEnv: Env;
  /** The store of the queues goes away, and comes back. */
  loseQueues(): Promise<void>;
  restoreQueues(): Promise<void>;
  /** The database goes away from the notifier, and from the queues that are in it. */
  loseDatabase(): void;
  restoreDatabase(): void;
  /** The process that serves the schedule is killed, and started again. */
  killScheduler(): Promise<void>;
  restartScheduler(): void;
  /** Stops the worker of a host on request. */
  stop(host: string): Promise<void>;
  /** A worker in a process of its own, which has made a pass. */
  worker(host: string, interval?: number): Promise<Running>;
  /** One pass of a host with ten deckies. @param odd what differs: a container, or none at all */
  passOf(host: string, odd?: Readonly<Record<string, Partial<Container> | null>>): Promise<void>;
  /** Writes what a pass writes when rows go from one state to another. */
  changed(
    host: string,
    names: readonly string[],
    states: readonly [from: FleetState, to: FleetState],
    cause?: Cause | null,
  ): Promise<void>;
  /** Hosts that make passes until `gone`, or until they are lost with the fleet. */
  many(count: number, intervalSeconds: number): Promise<void>;
  manyPass(): Promise<void>;
  close(): Promise<void>;
}

/** The store itself. A cable to it would take a quarter of the processor time of the tests' process. */
const uncut = (url: string): Pick<CutProxy, 'url' | 'cut' | 'restore' | 'close'> => ({
  url,
  cut: () => assert.fail('this test takes nothing away'),
  restore: () => undefined,
  close: async () => undefined,
});

type Closing = () => Promise<unknown> | unknown;

/** A store that a test takes away. */
export type Store = 'queues' | 'database';

/** @param loses what the test takes away, if anything: it is reached through a cable then, or has a server of its own */
export async function openRig(scene: Scene, kind: StoreKind, loses: Store | null): Promise<Rig> {
  const closing: Closing[] = [];
  const close = async (): Promise<void> => {
    for (const one of closing.reverse()) await one();
  };
  try {
    return await opened(scene, { kind, loses, closing, close });
  } catch (error) {
    await close();
    throw error;
  }
}

async function opened(
  scene: Scene,
  {
    kind,
    loses,
    closing,
    close,
  }: { kind: StoreKind; loses: Store | null; closing: Closing[]; close: Rig['close'] },
): Promise<Rig> {
  const { it, to } = scene;
  const cableTo = loses === null ? uncut : (url: string) => cutProxy(url, 5432);
  const [cable, queuesCable] = [await cableTo(it.db.url), await cableTo(it.db.url)];
  for (const one of [cable, queuesCable]) closing.push(one.close, one.restore);
  const own = kind === 'redis' && loses === 'queues' ? await redisServer() : null;
  if (own !== null) closing.push(own.remove);
  const redisUrl = kind === 'redis' ? (own?.url ?? testRedisUrl()) : null;
  const redis = redisUrl === null ? null : openRedis(redisUrl);
  redis?.on('error', () => undefined);
  if (redis !== null) closing.push(() => redis.disconnect());
  const backend = queueBackend({ redis, databaseUrl: queuesCable.url }, { outage: () => undefined });
  closing.push(() => backend.close());
  await backend.prepare();
  const env = {
    DATABASE_URL: it.db.url,
    ...(redisUrl !== null && { REDIS_URL: redisUrl }),
    DECNET_BUS_ENABLED: 'false',
    DECNET_INTERVAL: '30',
  };
  const control = watchControl(backend);
  closing.push(() => control.close());
  // The process of its own is for the tests that kill it.
  let scheduler: { close(): Promise<void> } | null = startScheduler(backend, {
    hosts: async () => [],
    intervalMs: 1000,
    onError: () => undefined,
  });
  closing.push(() => scheduler?.close());
  const waitForScheduler = () => waitFor(async () => (await backend.countWorkers(scheduleQueue)) > 0);
  await waitForScheduler();
  const database = await openDatabase(cable.url);
  closing.push(() => database.close());
  const notifier = startNotifier(
    postgresOutbox(database, { intervalSeconds: 30, graceSeconds: 300, historyDays: 30 }),
    {
      receivers: [webhookSettings(`http://127.0.0.1:${to.port}/hook/s3cret`)],
      publicUrl: 'https://fleet.example/',
      control,
      log: createLog('silent'),
    },
  );
  closing.push(() => notifier.close());
  const spawned = (program: string, more: Readonly<Record<string, string>>): Running => {
    const running = start([], { ...env, ...more }, program);
    closing.push(async () => {
      running.child.kill('SIGKILL');
      await running.finished;
    });
    return running;
  };
  let isLostNow = false;
  const loseQueues = async (): Promise<void> => {
    isLostNow = true;
    if (own === null) queuesCable.cut();
    else await own.stop();
  };
  const restoreQueues = async (): Promise<void> => {
    if (!isLostNow) return;
    isLostNow = false;
    if (own === null) queuesCable.restore();
    else await own.start();
  };
  // What uses the queues waits for them before it ends.
  closing.push(async () => {
    if (!isLostNow) return;
    await restoreQueues();
    await waitForScheduler();
  });
  return {
    ...scene,
    backend,
    dashboardEnv: { ...env, DATABASE_URL: cable.url },
    close,
    loseQueues,
    restoreQueues,
    loseDatabase: () => {
      cable.cut();
      if (kind === 'postgres') queuesCable.cut();
    },
    restoreDatabase: () => {
      cable.restore();
      queuesCable.restore();
    },
    killScheduler: async () => {
      const running = spawned('scheduler.ts', {});
      await waitFor(async () => (await backend.countWorkers(scheduleQueue)) > 1);
      await scheduler?.close();
      scheduler = null;
      running.child.kill('SIGKILL');
      await running.finished;
    },
    restartScheduler: () => void spawned('scheduler.ts', {}),
    stop: async (host) => {
      assert.equal((await runHere(['stop', '--host', host], env)).code, 0);
    },
    worker: async (name, interval = 1) => {
      const [engine, host] = [await fakeEngine(), testHost()];
      closing.push(engine.stop, host.remove);
      host.write([declaredDecky('web')]);
      const running = spawned('worker.ts', {
        ...host.env({}),
        DOCKER_HOST: engine.host,
        DECNET_HOST_UUID: name,
        DECNET_INTERVAL: String(interval),
      });
      await waitFor(async () => {
        const rows = await it.db.query(
          'select 1 from fleet_hosts where host_uuid = $1 and last_full_pass_at is not null',
          [name],
        );
        return rows.length > 0;
      });
      return running;
    },
    ...ofRows(scene),
  };
}

const tenDeckies = Array.from({ length: 10 }, (_, at) => `decky-${at}`);

/** What a fleet writes into its tables. */
function ofRows({ it }: Scene): Pick<Rig, 'passOf' | 'changed' | 'many' | 'manyPass'> {
  return {
    passOf: async (host, odd = {}) => {
      it.desired = declared(...tenDeckies.map((name) => decky(name)));
      it.observed = seen(
        ...tenDeckies.flatMap((name) => {
          const more = odd[name];
          return more === null ? [] : [serviceOf(name, 'ssh', more)];
        }),
      );
      await pass({ host_uuid: host }, '1', it.ports, { graceSeconds: 300, rolloutSeconds: 0 });
      // It must not become stale while the test waits.
      await it.db.query('update fleet_hosts set interval_s = 3600 where host_uuid = $1', [host]);
    },
    changed: async (host, names, [from, to], cause = null) => {
      const reason = cause?.state ?? 'deploying';
      const updates: readonly AlertUpdate[] = alertUpdates(
        names.map((name) => ({ name, from, to, reason, cause })),
        noMemory,
      );
      await it.database.transaction((db) => raiseAlerts(db, host, new Date().toISOString(), updates));
      await it.db.query(
        `update fleet_deckies set state = $3, last_error = $4, updated_at = now(), reconciled_at = now()
         where host_uuid = $1 and name = any ($2::text[])`,
        [host, names, to, cause?.state ?? null],
      );
    },
    many: async (count, intervalSeconds) =>
      void (await it.db.query(
        `insert into fleet_hosts (host_uuid, interval_s, last_full_pass_at, last_observed_at)
         select 'h' || n, $2, t, t from generate_series(1, $1::int) n,
           lateral (select clock_timestamp() - n * make_interval(secs => $2::int) / $1 as t) at`,
        [count, intervalSeconds],
      )),
    manyPass: async () =>
      void (await it.db.query(
        `update fleet_hosts set last_full_pass_at = clock_timestamp(), last_observed_at = clock_timestamp(),
           interval_s = 3600 where host_uuid like 'h%'`,
      )),
  };
}
