import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import pg from 'pg';
import { redisChannel } from '../../src/fleet/topics.ts';
import type { Env } from '../harness/cli.ts';
import { type Granted, granted } from '../harness/granted.ts';
import { declaredDecky, type TestHost, testHost } from '../harness/host.ts';
import { runHere } from '../harness/run-here.ts';
import { noStore, type TestStore, testStore } from '../harness/stores.ts';

const shared = ['fleet_deckies', 'fleet_hosts', 'fleet_transitions', 'fleet_gaps', 'fleet_alarms'];
const masters = [
  'fleet_notifications',
  'fleet_heartbeat',
  'fleet_incidents',
  'fleet_silences',
  'fleet_audit',
  'fleet_grants',
  'fleet_masters',
  'fleet_limits',
  'fleet_locks',
  'fleet_migrations',
];
const tables = [...shared, ...masters];

/** For each table, a column that a worker may write, and a value for it. */
const writable: Readonly<Record<string, readonly [column: string, value: string]>> = {
  fleet_deckies: ['state', `'failed'`],
  fleet_hosts: ['turn', '99'],
  fleet_alarms: ['state', `'running'`],
};

/** Statements that must be refused, whatever the rows. */
const refused: readonly string[] = [
  // Which incident an alert belongs to is for the notifier alone.
  `update fleet_alarms set incident = 'x'`,
  `update fleet_alarms set incident_told = true`,
  ...tables.flatMap((table) => [
    `delete from ${table}`,
    `delete from ${table} where host_uuid = 'peer'`,
    `truncate ${table}`,
    `update ${table} set host_uuid = 'peer'`,
    `update ${table} set host_uuid = 'mine' where host_uuid = 'peer'`,
    ...['access exclusive', 'exclusive', 'share row exclusive', 'share', 'share update exclusive'].map(
      (mode) => `lock table ${table} in ${mode} mode`,
    ),
    `alter table ${table} disable row level security`,
    `alter table ${table} owner to current_user`,
    `alter table ${table} add column planted text`,
    `alter table ${table} rename to planted`,
    `alter table ${table} set schema pg_temp`,
    `drop table ${table} cascade`,
    `create index on ${table} (host_uuid)`,
    `create trigger planted after insert on ${table} for each row execute function suppress_redundant_updates_trigger()`,
    `create rule planted as on insert to ${table} do also notify planted`,
    `create policy planted on ${table} using (true)`,
    `comment on table ${table} is 'x'`,
    `copy ${table} from program 'true'`,
    `copy ${table} to '/tmp/planted'`,
    `create table planted_${table} (host_uuid varchar(64) references ${table})`,
  ]),
  ...masters.flatMap((table) => [
    `select * from ${table}`,
    `select count(*) from ${table}`,
    `insert into ${table} select * from ${table}`,
    `lock table ${table} in access share mode`,
  ]),
  `insert into fleet_deckies (host_uuid, name, state) values ('peer', 'x', 'running')`,
  `insert into fleet_deckies (host_uuid, name, state) values ('peer', 'web', 'running') on conflict (host_uuid, name) do update set state = 'failed'`,
  `insert into fleet_deckies (host_uuid, name, state, compose_hash) values ('mine', 'x', 'running', 'x')`,
  `insert into fleet_hosts (host_uuid) values ('another')`,
  `insert into fleet_hosts (host_uuid) values ('peer') on conflict (host_uuid) do update set interval_s = 1`,
  ...['mine', 'peer'].flatMap((host) => [
    `update fleet_hosts set paused_at = now(), paused_by = 'x', paused_why = 'x' where host_uuid = '${host}'`,
    `update fleet_hosts set paused_at = null where host_uuid = '${host}'`,
    `update fleet_hosts set paused_until = now() where host_uuid = '${host}'`,
    `update fleet_hosts set resumed_at = now() where host_uuid = '${host}'`,
    `insert into fleet_hosts (host_uuid, paused_at, paused_by, paused_why) values ('${host}', now(), 'x', 'x')`,
  ]),
  `insert into fleet_transitions (host_uuid, name, reason) values ('peer', 'x', 'x')`,
  `insert into fleet_transitions (id, host_uuid, name, reason) values (9000000000000000000, 'mine', 'x', 'x')`,
  `insert into fleet_transitions (id, host_uuid, name, reason) overriding system value values (7, 'mine', 'x', 'x')`,
  `insert into fleet_transitions (host_uuid, name, reason, at) values ('mine', 'x', 'x', now() + interval '1 hour')`,
  `update fleet_transitions set reason = 'x'`,
  `insert into fleet_gaps values ('peer', now(), now())`,
  `insert into fleet_gaps values ('mine', now(), now() + interval '1 day')`,
  `insert into fleet_alarms (host_uuid, name, state, told, since, changed_at) values ('peer', 'x', 'failed', 'running', now(), now())`,
  `update fleet_alarms set told = 'running'`,
  `insert into fleet_grants values (session_user, 'peer')`,
  `insert into fleet_masters values (session_user)`,
  `insert into fleet_notifications (host_uuid, body) values ('mine', '{}')`,
  `select nextval(pg_get_serial_sequence('fleet_transitions', 'id'))`,
  `select setval(pg_get_serial_sequence('fleet_transitions', 'id'), 9000000000000000000)`,
  `select currval(pg_get_serial_sequence('fleet_transitions', 'id'))`,
  'alter policy own_rows on fleet_deckies using (true)',
  'drop policy own_rows_only on fleet_deckies',
  'create or replace function fleet_granted_host() returns text language sql as $$ select null::text $$',
  'create or replace function fleet_is_master() returns boolean language sql as $$ select true $$',
  'alter function fleet_granted_host() security invoker',
  'alter function fleet_is_master() owner to current_user',
  'drop function fleet_is_master() cascade',
  'set row_security = off; select * from fleet_deckies',
  'set role decnet_fleet',
  'set session authorization decnet_fleet',
  'set session_replication_role = replica',
  `set log_statement = 'none'`,
  'alter role current_user superuser',
  'alter role current_user bypassrls',
  'alter role current_user connection limit -1',
  'alter role decnet_fleet nologin',
  `alter role all set search_path = ''`,
  'create role planted',
  'drop role decnet_fleet',
  'grant decnet_fleet to current_user',
  'create schema planted',
  `do $$ begin execute format('alter database %I set search_path = pg_temp', current_database()); end $$`,
  'create temp table fleet_grants (role_name text, host_uuid text)',
  'create temp view fleet_grants as select 1',
  'create extension adminpack',
  `select pg_read_file('/etc/passwd')`,
  `select pg_ls_dir('/')`,
  `select lo_import('/etc/passwd')`,
  `copy (select 1) to program 'true'`,
  'select pg_reload_conf()',
  'select pg_switch_wal()',
  'select * from pg_authid',
  'select * from pg_stats_ext_exprs, pg_statistic',
];

/** Statements that are allowed but access no other host: they return and change no row. */
const reachNothing: readonly string[] = [
  `update fleet_alarms set last_lines = '{"ssh": ["x"]}' where host_uuid = 'peer'`,
  ...shared.flatMap((table) => [
    `select * from ${table} where host_uuid = 'peer'`,
    `select * from ${table} where host_uuid <> 'mine'`,
    `select * from ${table} t where t::text like '%peer%'`,
    `select host_uuid from ${table} except select 'mine'`,
    `select host_uuid from ${table} group by host_uuid having host_uuid <> 'mine'`,
    `select * from (table ${table}) t where host_uuid = 'peer'`,
    `with recursive r as (select host_uuid from ${table} union select host_uuid from r) select * from r where host_uuid <> 'mine'`,
    `select * from ${table} a join ${table} b on a.host_uuid <> b.host_uuid`,
    `select * from lateral (select * from ${table} tablesample system (100)) t where host_uuid = 'peer'`,
    `select most_common_vals from pg_stats where tablename = '${table}' and most_common_vals::text like '%peer%'`,
    ...(writable[table] === undefined
      ? []
      : [
          `select * from ${table} where host_uuid = 'peer' for update`,
          `select * from ${table} where host_uuid = 'peer' for key share`,
          `update ${table} set ${writable[table]?.[0]} = ${writable[table]?.[1]} where host_uuid = 'peer'`,
          `update ${table} set ${writable[table]?.[0]} = ${writable[table]?.[1]} where host_uuid <> 'mine' returning *`,
          `with w as (update ${table} set ${writable[table]?.[0]} = ${writable[table]?.[1]} where host_uuid = 'peer' returning 1) select * from w`,
        ]),
  ]),
  `select * from fleet_delete_deckies('peer', array['web', 'mail'], array(select xmin::text from fleet_deckies))`,
  `select fleet_prune_transitions('peer', 1) where false`,
  `select * from pg_roles where rolname = session_user and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb)`,
  `select query from pg_stat_activity where usename <> session_user and query like '%fleet_%'`,
  `select * from pg_policies where policyname = 'planted'`,
  `select pg_terminate_backend(pid) from pg_stat_activity where usename <> session_user and backend_type = 'client backend'`,
  `select pg_cancel_backend(pid) from pg_stat_activity where usename <> session_user and backend_type = 'client backend'`,
];

describe('a compromised worker, with the defaults of PostgreSQL 14 and older', {
  skip: noStore('redis'),
}, () => {
  let store: TestStore;
  let host: TestHost;
  let mine: Granted;
  let master: Env;
  const contents = async (): Promise<unknown> =>
    Promise.all(
      tables.map((table) =>
        store.db.query(
          `select ${table === 'fleet_locks' ? 'name' : '*'} from ${table} order by 1, 2`.replace(
            /, 2(?=$)/,
            table === 'fleet_locks' || table === 'fleet_masters' ? '' : ', 2',
          ),
        ),
      ),
    );

  before(async () => {
    store = await testStore('redis');
    host = testHost();
    master = host.env({ ...store.env, DOCKER_HOST: 'unix:///nonexistent/docker.sock' });
    host.write([declaredDecky('web'), declaredDecky('mail')]);
    for (const name of ['mine', 'peer'])
      assert.equal((await runHere(['reconcile', '--once'], { ...master, DECNET_HOST_UUID: name })).code, 0);
    for (const name of ['mine', 'peer']) {
      await store.db.query(`insert into fleet_gaps values ($1, now() - interval '1 hour', now())`, [name]);
      await store.db.query(
        `insert into fleet_alarms (host_uuid, name, state, told, since, changed_at)
         values ($1, 'web', 'failed', 'running', now(), now())`,
        [name],
      );
    }
    mine = await granted(store, master, 'mine');
    // The default privileges of every role there. Temporary tables are refused in any version.
    await store.db.query('grant create on schema public to public');
    await store.db.query('analyze');
  });
  after(async () => {
    await mine.remove();
    host.remove();
    await store.drop();
  });

  const asThief = async (work: (client: pg.Client) => Promise<void>): Promise<void> => {
    const client = new pg.Client({ connectionString: mine.settings.DATABASE_URL ?? '' });
    await client.connect();
    try {
      await work(client);
    } finally {
      await client.end();
    }
  };

  test('more than 200 statements, and none accesses another host', async () => {
    assert.ok(refused.length + reachNothing.length >= 200, String(refused.length + reachNothing.length));
    const before = await contents();
    const reached: string[] = [];
    await asThief(async (client) => {
      for (const statement of [...refused, ...reachNothing]) {
        await client.query('begin');
        const outcome = await client.query(statement).then(
          (result) => [result].flat().reduce((sum, { rowCount }) => sum + (rowCount ?? 0), 0),
          (error: unknown) => (error as { code?: string }).code ?? String(error),
        );
        await client.query('rollback');
        const isRefused =
          typeof outcome === 'string' &&
          /^(42501|42P17|55000|22023|0A000|58P01|42704|22P02|42703)$/.test(outcome);
        const isFine = refused.includes(statement) ? isRefused : outcome === 0;
        if (!isFine) reached.push(`${statement} → ${outcome}`);
      }
    });
    assert.deepEqual(reached, []);
    assert.deepEqual(await contents(), before);
  });

  test('more than 200 Redis commands, and none accesses another host', async () => {
    const admin = new Redis(store.redisUrl ?? '');
    const redis = new Redis(mine.settings.REDIS_URL ?? '');
    const channel = (topic: string): string => redisChannel(topic, redis.options.db ?? 0);
    after(() => {
      redis.disconnect();
      admin.disconnect();
    });
    const keys = [
      'bull:reconcile.peer:wait',
      'bull:schedule:repeat',
      'bull:reconcile.mine2:id',
      'bull:reconcile.mine',
      'other',
    ];
    const ofKey = (key: string): readonly (readonly string[])[] => [
      ...[
        'get',
        'type',
        'ttl',
        'pttl',
        'hgetall',
        'smembers',
        'llen',
        'scard',
        'zcard',
        'xlen',
        'hlen',
        'exists',
        'del',
        'unlink',
        'incr',
        'lpop',
        'rpop',
        'persist',
        'dump',
        'touch',
        'strlen',
        'getdel',
        'sort',
      ].map((name) => [name, key]),
      ...[
        ['set', 'x'],
        ['append', 'x'],
        ['getset', 'x'],
        ['setnx', 'x'],
        ['lpush', 'x'],
        ['rpush', 'x'],
        ['sadd', 'x'],
        ['srem', 'x'],
        ['sismember', 'x'],
        ['hget', 'x'],
        ['hdel', 'x'],
        ['hexists', 'x'],
        ['zscore', 'x'],
        ['zrem', 'x'],
        ['xdel', '1-1'],
        ['expire', '1'],
        ['pexpire', '1'],
        ['incrby', '5'],
        ['lindex', '0'],
        ['rename', 'bull:reconcile.mine:x'],
        ['renamenx', 'bull:reconcile.mine:x'],
        ['copy', 'bull:reconcile.mine:x'],
        ['move', '1'],
        ['hscan', '0'],
        ['sscan', '0'],
        ['zscan', '0'],
      ].map(([name = '', ...rest]) => [name, key, ...rest]),
      ['lrange', key, '0', '-1'],
      ['zrange', key, '0', '-1'],
      ['xrange', key, '-', '+'],
      ['zadd', key, '1', 'x'],
      ['hset', key, 'a', 'b'],
      ['xadd', key, '*', 'a', 'b'],
      ['rpoplpush', key, 'bull:reconcile.mine:x'],
      ['rpoplpush', 'bull:reconcile.mine:x', key],
      ['bzpopmin', key, '0.01'],
      ['xread', 'streams', key, '0'],
      ['eval', `return redis.call('get', KEYS[1])`, '1', key],
      ['eval', `return redis.call('del', '${key}')`, '0'],
      ['eval', `return redis.call('set', '${key}', 'x')`, '0'],
    ];
    const others: readonly (readonly string[])[] = [
      ['keys', '*'],
      ['scan', '0'],
      ['randomkey'],
      ['dbsize'],
      ['flushall'],
      ['flushdb'],
      ['config', 'get', '*'],
      ['config', 'set', 'maxmemory', '1'],
      ['client', 'list'],
      ['client', 'kill', 'type', 'normal'],
      ['client', 'pause', '100'],
      ['client', 'unblock', '1'],
      ['client', 'info'],
      ['client', 'tracking', 'on', 'bcast'],
      ['client', 'tracking', 'on'],
      ['client', 'caching', 'yes'],
      ['client', 'no-evict', 'on'],
      ['client', 'getredir'],
      ['client', 'trackinginfo'],
      ['client', 'reply', 'on'],
      ['acl', 'list'],
      ['acl', 'whoami'],
      ['acl', 'users'],
      ['acl', 'setuser', 'default', 'on'],
      ['acl', 'deluser', 'default'],
      ['acl', 'log'],
      ['script', 'flush'],
      ['script', 'kill'],
      ['script', 'exists', 'x'],
      ['function', 'list'],
      ['function', 'flush'],
      ['monitor'],
      ['shutdown', 'nosave'],
      ['swapdb', '0', '1'],
      ['select', '1'],
      ['pubsub', 'channels'],
      ['pubsub', 'numsub'],
      ['pubsub', 'numpat'],
      ['publish', 'decky.peer:web.state', 'x'],
      ['publish', channel('decky.peer:web.state'), 'x'],
      ['publish', channel('decky.mine2:web.state'), 'x'],
      ['publish', channel('system.reconciler.control'), '{}'],
      ['subscribe', channel('decky.peer:web.state')],
      ['publish', 'decky.mine2:web.state', 'x'],
      ['publish', 'system.reconciler.control', '{}'],
      ['publish', 'system.other.health', 'x'],
      ['spublish', 'decky.mine:web.state', 'x'],
      ['subscribe', 'decky.peer:web.state'],
      ['psubscribe', '*'],
      ['psubscribe', 'decky.*'],
      ['ssubscribe', 'x'],
      ['subscribe', '__keyspace@0__:bull:reconcile.peer:wait'],
      ['save'],
      ['bgsave'],
      ['lastsave'],
      ['debug', 'sleep', '0'],
      ['replicaof', 'no', 'one'],
      ['role'],
      ['wait', '0', '1'],
      ['memory', 'usage', 'other'],
      ['memory', 'stats'],
      ['latency', 'history', 'x'],
      ['slowlog', 'get'],
      ['module', 'list'],
      ['cluster', 'info'],
      ['command', 'list'],

      ['eval_ro', 'return 1', '0'],
      ['eval', `return redis.call('keys', '*')`, '0'],
      ['eval', `return redis.call('scan', '0')`, '0'],
      ['eval', `return redis.call('publish', 'decky.peer:web.state', 'x')`, '0'],
      ['eval', `return redis.call('config', 'get', '*')`, '0'],
    ];
    for (const key of keys.slice(0, 2)) await admin.lpush(key, 'kept');
    const commands = [...keys.flatMap(ofKey), ...others];
    assert.ok(commands.length >= 200, String(commands.length));
    const reached: string[] = [];
    for (const [name = '', ...args] of commands) {
      const outcome = await redis.call(name, ...args).then(
        (answer) => JSON.stringify(answer),
        (error: unknown) => error as Error,
      );
      if (
        !(outcome instanceof Error) ||
        !/NOPERM|no permissions|can't (access|run|publish)|not allowed/i.test(outcome.message)
      )
        reached.push(`${[name, ...args].join(' ')} → ${String(outcome)}`);
    }
    assert.deepEqual(reached, []);
    for (const key of keys.slice(0, 2)) assert.deepEqual(await admin.lrange(key, 0, -1), ['kept']);
    for (const key of keys.slice(0, 2)) await admin.del(key);
  });

  test('no command of the master runs objects that it creates in the schema', async () => {
    await asThief(async (client) => {
      await client.query('create table planted (who text)');
      await client.query('grant insert on planted to public');
      for (const [name, left, right] of [
        ['=', 'varchar', 'varchar'],
        ['=', 'varchar', 'text'],
        ['<>', 'varchar', 'varchar'],
        ['->', 'jsonb', 'jsonb'],
        ['->>', 'jsonb', 'jsonb'],
        ['#>>', 'json', 'json'],
        ['>', 'varchar', 'varchar'],
        ['-', 'timestamptz', 'timestamptz'],
        ['is distinct from', 'varchar', 'varchar'],
        ['~~*', 'varchar', 'varchar'],
        ['||', 'jsonb', 'varchar'],
      ] as const) {
        if (name === 'is distinct from') continue;
        const f = `planted_${left}_${right}_${Buffer.from(name).toString('hex')}`;
        await client.query(`create function public.${f}(${left}, ${right}) returns boolean language plpgsql
          as $$ begin insert into public.planted values (current_user); return true; end $$`);
        await client.query(
          `create operator public.${name} (leftarg = ${left}, rightarg = ${right}, function = public.${f})`,
        );
      }
      for (const [name, args] of [
        ['jsonb_typeof', 'varchar'],
        ['to_char', 'timestamptz, varchar'],
        ['coalesce_text', 'varchar'],
        ['set_config', 'varchar, varchar, boolean'],
        ['clock_timestamp', 'varchar default null'],
      ] as const)
        await client.query(`create function public.${name}(${args}) returns text language plpgsql
          as $$ begin insert into public.planted values (current_user); return null; end $$`);
    });
    for (const command of [
      ['migrate'],
      ['migrate', '--check'],
      ['status'],
      ['hosts'],
      ['history'],
      ['history', '--decky', 'web', '--since', '1d'],
      ['status', '--json'],
    ])
      assert.equal((await runHere(command, master)).code, 0, command.join(' '));
    host.write([declaredDecky('web'), declaredDecky('new')]);
    const passed = await runHere(['reconcile', '--once'], { ...master, DECNET_HOST_UUID: 'peer' });
    assert.equal(passed.code, 0, passed.stderr);
    assert.match(passed.stdout, /inserted=1 /);
    const doctor = await runHere(['doctor'], master);
    assert.match(
      doctor.stdout,
      /FAULT +rights +Schema public contains objects of other roles: .* of role decnet_mine_/,
    );
    assert.equal(doctor.code, 1);
    assert.deepEqual(await store.db.query('select * from public.planted'), []);
    await store.db.query(`drop owned by ${mine.role} cascade`);
    const again = await granted(store, master, 'mine');
    await mine.remove();
    mine = again;
    assert.match((await runHere(['doctor'], master)).stdout, /ok +rights +role \w+; roles of 1 worker$/m);
    await store.db.query('grant create on schema public to public');
    const open = await runHere(['doctor'], master);
    assert.match(open.stdout, /FAULT +rights +Every role may create objects in schema public/);
  });

  test('cannot exceed its connection limit', async () => {
    const clients = Array.from(
      { length: 12 },
      () => new pg.Client({ connectionString: mine.settings.DATABASE_URL ?? '' }),
    );
    const outcomes = await Promise.allSettled(clients.map((client) => client.connect()));
    const refusedOnes = outcomes.filter((one) => one.status === 'rejected');
    await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
    assert.equal(refusedOnes.length, 2);
    assert.match(String(refusedOnes[0]?.reason), /too many connections for role/);
  });
});
