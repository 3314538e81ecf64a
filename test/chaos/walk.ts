import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { drawNumber, type Random, seededRandom } from '../../src/builder/random.ts';
import { openRedis, queueBackend } from '../../src/queue/backend.ts';
import { cli, type Env } from '../harness/cli.ts';
import { postgresServer, redisServer } from '../harness/servers.ts';
import { freePort } from '../harness/services.ts';
import { waitFor } from '../harness/wait.ts';
import { drawAct, drawDeclared } from './actions.ts';
import { drawFault, type Fault } from './faults.ts';
import { historyJudge, quietWindowMs } from './history.ts';
import { stateFileText, type WalkHost, walkHost } from './host.ts';
import { type Ledger, openLedger } from './ledger.ts';
import { hasStack, type Program, program } from './program.ts';
import { converges, differences, type Recorded, restsWell, scheduleIsSound } from './quiet.ts';
import { use } from './users.ts';

const graceSeconds = 4;
const quietMs = 10_000;
const stormMs = 14_000;
/** Milliseconds after a fault during which its effects may last. */
const aftermathMs = 12_000;

/**
 * Two hosts, and chance: acts in quiet, acts among faults, then quiet, in which all must be as the contract says. Each
 * transition is judged as it is written. What is drawn follows from the seed; when it meets the rest is the machine's.
 */
export async function walk(options: {
  seed: number;
  minutes: number;
  store: 'redis' | 'postgres';
  /** Ends it early, after the current round. */
  signal: AbortSignal;
}): Promise<Ledger> {
  const ledger = openLedger();
  const random = seededRandom(options.seed);
  const postgres = await postgresServer();
  const redis = options.store === 'redis' ? await redisServer() : null;
  const stores: Env = { DATABASE_URL: postgres.url, ...(redis === null ? {} : { REDIS_URL: redis.url }) };
  const connection = redis === null ? null : openRedis(redis.url);
  connection?.on('error', () => undefined);
  const queues = queueBackend({ redis: connection, databaseUrl: postgres.url }, { outage: () => undefined });
  const pool = new pg.Pool({ connectionString: postgres.url, max: 4, connectionTimeoutMillis: 3000 });
  pool.on('error', () => undefined);
  const query = async (statement: string, values: readonly unknown[] = []) =>
    (await pool.query<Record<string, unknown>>(statement, [...values])).rows;

  const hosts = [
    await walkHost({
      name: 'host-a',
      intervalSeconds: 3,
      graceSeconds,
      aheadMs: 0,
      hasOtherWriters: true,
      env: stores,
    }),
    // Its schedule is too slow to help, so its events must be sufficient. Its engine's clock is ten minutes ahead.
    await walkHost({
      name: 'host-b',
      intervalSeconds: 3600,
      graceSeconds,
      aheadMs: 600_000,
      hasOtherWriters: false,
      env: stores,
    }),
  ];
  const [first] = hosts as [WalkHost, WalkHost];
  const port = await freePort();
  const workers = [
    ...hosts.map((host) => program(`worker of ${host.name}`, [], host.env, 'worker.ts', ledger)),
    program(`second worker of ${first.name}`, [], first.env, 'worker.ts', ledger),
  ];
  const schedulers = [1, 2].map((at) => program(`scheduler ${at}`, [], first.env, 'scheduler.ts', ledger));
  const dashboard = program(
    'dashboard',
    ['dashboard', '--port', String(port)],
    first.env,
    'src/cli/bin.ts',
    ledger,
  );
  const programs: readonly Program[] = [...workers, ...schedulers, dashboard];

  /** The begin and end of faults; Infinity: still lasting. */
  const faults: { readonly from: number; to: number }[] = [];
  const isDisturbed = (at: number): boolean =>
    faults.some(({ from, to }) => from <= at + 1000 && to + aftermathMs >= at);
  const underWay = new Map<string, Promise<void>>();
  const begin = ({ name, part, run }: Fault): void => {
    ledger.fault(name);
    const lasting = { from: Date.now(), to: Number.POSITIVE_INFINITY };
    faults.push(lasting);
    const over = run()
      .catch((error: unknown) => ledger.check(`the fault "${name}" can be made`, false, () => String(error)))
      .finally(() => {
        lasting.to = Date.now();
        underWay.delete(part);
      });
    underWay.set(part, over);
  };

  const rows = async (host: string): Promise<readonly Recorded[]> =>
    (await query(
      'select name, state, services, xmin::text as version from fleet_deckies where host_uuid = $1 order by name',
      [host],
    )) as unknown as Recorded[];
  const fullPassAt = async (host: string): Promise<number> => {
    const [row] = await query('select last_full_pass_at from fleet_hosts where host_uuid = $1', [host]);
    return Number(row?.last_full_pass_at ?? 0);
  };
  const peers = async (): Promise<string> =>
    JSON.stringify(
      await query(
        `select md5(string_agg(d::text || xmin::text, '' order by name)) from fleet_deckies d where host_uuid = 'peer'`,
      ),
    );

  const history = historyJudge(query, hosts, isDisturbed, ledger);
  let isOver = false;
  const judging = (async () => {
    while (!isOver) {
      await sleep(500);
      for (const host of hosts) await history.judgeNew(host).catch(() => undefined);
    }
  })();

  const dashboardUrl = `http://127.0.0.1:${port}`;
  const used = { hosts, queues, dashboard: dashboardUrl, env: first.env, ledger };
  const actFor = async (ms: number, drawn: Random): Promise<void> => {
    const until = Date.now() + ms;
    const busy = [
      ...hosts.map(async (host) => {
        const own = seededRandom(Math.floor(drawn() * 2 ** 47));
        const begun: unknown[] = [];
        while (Date.now() < until) {
          const act = drawAct(host, own, query);
          ledger.did(act.name);
          begun.push(act.run());
          await sleep(drawNumber(own, 0, 200));
        }
        await Promise.all(begun);
      }),
      (async () => {
        const own = seededRandom(Math.floor(drawn() * 2 ** 47));
        while (Date.now() < until) {
          await use(used, own);
          await sleep(drawNumber(own, 200, 2500));
        }
      })(),
    ];
    await Promise.all(busy);
  };
  const storm = async (): Promise<void> => {
    const acting = actFor(stormMs, random);
    const until = Date.now() + stormMs;
    while (Date.now() < until) {
      const fault = drawFault(
        { hosts, workers, others: [...schedulers, dashboard], postgres, redis, queues },
        random,
      );
      if (underWay.size < 3 && !underWay.has(fault.part)) begin(fault);
      await sleep(drawNumber(random, 200, 1500));
    }
    await acting;
    await Promise.all(underWay.values());
  };

  const untouched = { peers: '' };
  let slowest = 0;
  const quiet = async (): Promise<void> => {
    const began = Date.now();
    for (const one of programs) one.start();
    for (const host of hosts) {
      host.engine.mood = 'sound';
      const chance = random();
      if (chance < 0.7) host.declare(drawDeclared(random), 'in place');
      else if (chance < 0.8) host.removeFile();
      else if (chance < 0.9) host.breakFile('{"config": ');
      const file = host.file.now();
      ledger.did(
        `${host.name} is left in quiet: ${file.kind} ${file.kind === 'declares' ? stateFileText(file.deckies) : ''}`,
      );
    }
    await waitFor(async () => (await peers()) !== '', 60_000);
    // A pass that read an earlier file may still be running.
    await sleep(quietWindowMs);
    const before = await Promise.all(hosts.map(({ name }) => rows(name)));
    for (const [at, host] of hosts.entries())
      slowest = Math.max(slowest, await converges(host, before[at] ?? [], rows, ledger));
    // Passes manage rows of another program again after its grace period has ended and a pass has observed that.
    await sleep(Math.max(0, 2 * (graceSeconds + first.intervalSeconds) * 1000 - (Date.now() - began)));
    await scheduleIsSound(queues, hosts, ledger);
    await waitFor(async () => (await fetch(`${dashboardUrl}/healthz`)).status === 200, 60_000).then(
      () => ledger.check('the dashboard answers', true, () => ''),
      (error) => ledger.check('the dashboard answers', false, () => String(error)),
    );
    await restsWell({ hosts, programs, rows, fullPassAt, queues, ledger });
    for (const host of hosts) {
      const left = await rows(host.name);
      const wrong = differences(host, [], left);
      ledger.check(`${host.name} stays as it is`, wrong === '', () => wrong);
      await history.judgeNew(host);
      const states = history.states(host);
      for (const { name, state } of left) {
        const ends = states.get(name);
        const wasForeign = host.facts.foreign.get(name)?.some((write) => write.state === state) ?? false;
        ledger.check(
          `${host.name}/${name} is as its history says`,
          ends === state || wasForeign,
          () => `${state}, and the history ends with ${ends}`,
        );
      }
    }
    for (const one of programs) {
      ledger.check(`${one.name} runs`, one.isRunning(), () => 'it does not');
      ledger.check(`${one.name} prints no stack`, !hasStack(one.output()), () => one.output().slice(-3000));
    }
    ledger.check('no row of another host was touched', (await peers()) === untouched.peers, () => 'one was');
  };

  try {
    const migrated = await cli(['migrate'], first.env);
    if (migrated.code !== 0) throw new Error(`migrate: ${migrated.stderr}`);
    await queues.prepare();
    await query(
      `insert into fleet_deckies (host_uuid, name, services, state, updated_at)
       select 'peer', 'decky-' || n, '["ssh"]', 'running', now() - interval '1 day' from generate_series(1, 20) n`,
    );
    untouched.peers = await peers();
    const until = Date.now() + options.minutes * 60_000;
    begin({ name: 'all is started', part: 'all', run: async () => undefined });
    await quiet();
    while (Date.now() < until && !options.signal.aborted) {
      await actFor(quietMs, random);
      await storm();
      await quiet();
      const { actions, faults: made, checks } = ledger.counts;
      const left = Math.max(0, Math.round((until - Date.now()) / 1000));
      console.log(
        `${actions} actions, ${made} faults, ${checks} checks, ${ledger.violations.length} violations; slowest to converge ${Math.round(slowest)} ms; ${left} s left`,
      );
    }
  } finally {
    isOver = true;
    await judging;
    for (const one of programs) await one.terminate();
    await queues.close();
    connection?.disconnect();
    await pool.end();
    for (const host of hosts) await host.remove();
    await redis?.remove();
    await postgres.remove();
  }
  return ledger;
}
