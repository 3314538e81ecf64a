/**
 * A fleet in a box: many hosts at their interval, some of whose containers flap, one scheduler, one PostgreSQL, one Redis.
 */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import pg from 'pg';
import { start } from '../test/harness/cli.ts';
import { testHost } from '../test/harness/host.ts';
import { postgresServer, redisServer } from '../test/harness/servers.ts';
import { waitFor } from '../test/harness/wait.ts';
import type { BoxFigures } from './box-hosts.ts';
import { startProgram } from './child.ts';
import { migrate, usageOf } from './processes.ts';
import { quantile, type Table } from './report.ts';
import { clusterCpu, redisFigure } from './server-figures.ts';

const tables = ['fleet_deckies', 'fleet_hosts', 'fleet_transitions', 'fleet_alarms'] as const;

interface BoxOptions {
  readonly hosts: number;
  readonly deckies: number;
  readonly interval: number;
  /** The figures of the measured window, after the first pass of every host. */
  readonly seconds: number;
}

export async function measureBox(options: BoxOptions): Promise<Table> {
  const { hosts, deckies, interval, seconds } = options;
  // Each has two containers; one in a hundred containers flaps.
  const flapping = Math.ceil((hosts * deckies * 2) / 100);
  const [postgres, redis] = [await postgresServer(), await redisServer()];
  const client = new pg.Client({ connectionString: postgres.url });
  const store = new Redis(redis.url);
  const host = testHost();
  const children: ChildProcess[] = [];
  try {
    const env = host.env({
      DATABASE_URL: postgres.url,
      REDIS_URL: redis.url,
      DECNET_INTERVAL: String(interval),
    });
    await migrate(env);
    await client.connect();
    const args = [hosts, deckies, Math.min(flapping, hosts), interval].map(String);
    const addresses = { DATABASE_URL: postgres.url, REDIS_URL: redis.url };
    const box = await startProgram('bench/box-hosts.ts', args, addresses);
    children.push(box.child);
    const scheduler = start([], env, 'scheduler.ts');
    children.push(scheduler.child);
    await waitFor(
      async () =>
        (await client.query('select 1 from fleet_hosts where last_full_pass_at is not null')).rowCount ===
        hosts,
      600_000,
    );
    // Wait for one interval, so that every host is on its own slot.
    await sleep(interval * 1000);

    const snapshot = () => figuresNow(client, store, scheduler.child.pid ?? 0, box.child.pid ?? 0);
    await box.ask('clear');
    const before = await snapshot();
    await sleep(seconds * 1000);
    const after = await snapshot();
    const found = (await box.ask('figures')) as BoxFigures;
    if (found.passes === 0 || found.failed > 0)
      throw new Error(`${found.passes} passes were made, ${found.failed} failed`);
    const [due, made] = [scheduledPasses(options), found.lateness.length];
    // A short window only reports the number of passes; in a long one a schedule that falls behind is an error.
    if (seconds >= 60 && made < 0.9 * due)
      throw new Error(`of ${due} scheduled passes that were due ${made} were made`);
    const ended = new Promise((done) => box.child.once('exit', done));
    box.child.send('end');
    await ended;
    return tableOf(options, found, before, after);
  } finally {
    for (const child of children) child.kill();
    await client.end().catch(() => undefined);
    store.disconnect();
    await redis.remove();
    await postgres.remove();
    host.remove();
  }
}

interface Snapshot {
  readonly postgresCpu: number;
  readonly scheduler: ReturnType<typeof usageOf>;
  readonly box: ReturnType<typeof usageOf>;
  readonly wal: number;
  readonly tables: Readonly<Record<string, number>>;
  readonly connections: number;
  readonly redis: {
    readonly memory: number;
    readonly clients: number;
    readonly commands: number;
    readonly cpu: number;
  };
}

async function figuresNow(
  client: pg.Client,
  store: Redis,
  scheduler: number,
  box: number,
): Promise<Snapshot> {
  const { rows } = await client.query(
    `select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 as wal, current_setting('data_directory') as directory,
      (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as connections,
      ${tables.map((table) => `pg_total_relation_size('${table}')::float8 as ${table}`).join(', ')}`,
  );
  const [row] = rows;
  const postmaster = Number(readFileSync(join(row.directory, 'postmaster.pid'), 'utf8').split('\n')[0]);
  const info = await store.info();
  return {
    postgresCpu: clusterCpu(postmaster),
    scheduler: usageOf(scheduler),
    box: usageOf(box),
    wal: row.wal,
    tables: Object.fromEntries(tables.map((table) => [table, row[table]])),
    connections: row.connections,
    redis: {
      memory: redisFigure(info, 'used_memory'),
      clients: redisFigure(info, 'connected_clients'),
      commands: redisFigure(info, 'total_commands_processed'),
      cpu: redisFigure(info, 'used_cpu_user') + redisFigure(info, 'used_cpu_sys'),
    },
  };
}

/** The number of passes that are due in the measured window. */
const scheduledPasses = ({ hosts, interval, seconds }: BoxOptions): number => (hosts * seconds) / interval;

function tableOf(options: BoxOptions, found: BoxFigures, before: Snapshot, after: Snapshot): Table {
  const { hosts, deckies, interval, seconds } = options;
  const percent = (from: number, to: number): number => (100 * (to - from)) / seconds;
  const perPass = (from: number, to: number): number => (to - from) / found.passes;
  const figures: readonly (readonly [string, number, string])[] = [
    ['scheduled passes that were due', scheduledPasses(options), ''],
    ['scheduled passes', found.lateness.length, ''],
    ['passes', found.passes, ''],
    ['passes per second', found.passes / seconds, ''],
    ['lateness of scheduled passes, p50', quantile(found.lateness, 0.5), 'ms'],
    ['lateness of scheduled passes, p99', quantile(found.lateness, 0.99), 'ms'],
    ['events', found.eventToRow.length, ''],
    ['event to row, p50', quantile(found.eventToRow, 0.5), 'ms'],
    ['event to row, p99', quantile(found.eventToRow, 0.99), 'ms'],
    ['scheduler, CPU', percent(before.scheduler.cpu, after.scheduler.cpu), '% of a core'],
    ['scheduler, memory', after.scheduler.memory, 'MB'],
    ['PostgreSQL, CPU', percent(before.postgresCpu, after.postgresCpu), '% of a core'],
    ['PostgreSQL, CPU per pass', 1000 * perPass(before.postgresCpu, after.postgresCpu), 'ms'],
    ['PostgreSQL, connections', after.connections, ''],
    ['PostgreSQL, write-ahead log per pass', perPass(before.wal, after.wal) / 1024, 'KB'],
    ...tables.map(
      (name) =>
        [
          `${name}, growth per hour`,
          (3600 * ((after.tables[name] ?? 0) - (before.tables[name] ?? 0))) / seconds / 2 ** 20,
          'MB',
        ] as const,
    ),
    ['Redis, CPU', percent(before.redis.cpu, after.redis.cpu), '% of a core'],
    ['Redis, commands per pass', perPass(before.redis.commands, after.redis.commands), ''],
    ['Redis, memory per host', after.redis.memory / hosts / 1024, 'KB'],
    ['Redis, growth per hour', (3600 * (after.redis.memory - before.redis.memory)) / seconds / 2 ** 20, 'MB'],
    ['Redis, connections', after.redis.clients, ''],
    ['all workers, CPU', percent(before.box.cpu, after.box.cpu), '% of a core'],
    ['all workers, memory', after.box.memory, 'MB'],
  ];
  return {
    name: 'box',
    title: `A fleet in a box: ${hosts} hosts of ${deckies} deckies every ${interval} s, 1 % of the containers flapping, for ${seconds} s.`,
    rows: figures.map(([figure, value, unit]) => ({ figure, value: Number(value.toFixed(1)), unit })),
  };
}
