import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { postgresLedger } from '../../src/database/ledger/ledger.ts';
import { openDatabase } from '../../src/database/orm.ts';
import { report } from '../../src/database/queries/report.ts';
import { noFigures } from '../../src/fleet/figures.ts';
import type { JobData } from '../../src/fleet/job.ts';
import { noMemory } from '../../src/fleet/plan/memory.ts';
import { type PassOutcome, pass } from '../../src/pass/pass.ts';
import { testDatabase } from '../harness/database.ts';
import {
  absent,
  container,
  decky,
  declared,
  exited,
  invalid,
  seen,
  serviceOf,
  unreachable,
} from '../harness/facts.ts';
import { type Bench, bench, rowsOf, statesOf } from '../harness/pass.ts';
import { waitFor } from '../harness/wait.ts';

let it: Bench;
beforeEach(async () => {
  it = await bench();
});
afterEach(() => it.close());

const run = (more: Partial<JobData> = {}, job = '1'): Promise<PassOutcome> =>
  pass({ host_uuid: 'local', ...more }, job, it.ports, { graceSeconds: 300, rolloutSeconds: 0 });

const counts = async (more: Partial<JobData> = {}): Promise<readonly number[]> => {
  const { inserted, deleted, state_updated, config_updated } = (await run(more)).result;
  return [inserted, deleted, state_updated, config_updated];
};

/** Has another program run this after a pass has read the rows and before it writes. @returns what ends that */
function inBetween(statement: string): () => void {
  const { ledger } = it.ports;
  const inTransaction = ledger.inTransaction.bind(ledger);
  ledger.inTransaction = (request, generation, work) =>
    inTransaction(request, generation, (open) =>
      work({
        ...open,
        recentTransitions: async () => {
          await it.db.query(statement);
          return open.recentTransitions();
        },
      }),
    );
  return () => {
    ledger.inTransaction = inTransaction;
  };
}

describe('a pass on the database', () => {
  test('inserts, updates and deletes, and writes down why', async () => {
    it.desired = declared(decky('web'), decky('old'));
    it.observed = seen(container('web'), serviceOf('web', 'ssh'), serviceOf('old', 'ssh'));
    assert.deepEqual(await counts(), [2, 0, 0, 0]);
    assert.deepEqual(await statesOf(it.db), ['old running', 'web running']);

    it.desired = declared(decky('web', ['ssh'], { distro: 'alpine' }));
    it.observed = seen(container('web'), serviceOf('web', 'ssh', exited(137)), serviceOf('old', 'ssh'));
    assert.deepEqual(await counts(), [0, 1, 1, 1]);
    const [row] = await rowsOf(it.db);
    assert.deepEqual(
      [
        row?.state,
        row?.last_error,
        (row?.decky_config as { distro?: string } | undefined)?.distro,
        row?.ours,
      ],
      ['failed', 'ssh: exited, code 137', 'alpine', true],
    );
    const history = await it.db.query(
      `select name, from_state, to_state, reason, cause, job_id from fleet_transitions where id > 2 order by id`,
    );
    assert.deepEqual(history, [
      {
        name: 'web',
        from_state: 'running',
        to_state: 'running',
        reason: 'file: distro changed',
        cause: null,
        job_id: '1',
      },
      {
        name: 'web',
        from_state: 'running',
        to_state: 'failed',
        reason: 'ssh: exited, code 137',
        cause: { service: 'ssh', state: 'exited', exit_code: 137 },
        job_id: '1',
      },
      {
        name: 'old',
        from_state: 'running',
        to_state: null,
        reason: 'not in the file any more',
        cause: null,
        job_id: '1',
      },
    ]);
  });

  test('over one decky finds what one over all finds, though another program’s row has its container’s name', async () => {
    it.desired = declared(decky('web'));
    it.observed = seen(container('web'), container('web-ssh'));
    await it.db.query(
      `insert into fleet_deckies (host_uuid, name, services, state, updated_at)
       values ('local', 'web-ssh', '["http"]', 'pending', now())`,
    );
    await run();
    const before = await statesOf(it.db);
    for (let pass = 0; pass < 3; pass++) {
      assert.deepEqual((await run({ deckies: ['web'] })).transitions, []);
      assert.deepEqual((await run()).transitions, []);
    }
    assert.deepEqual(await statesOf(it.db), before);
  });

  test('sends a message for each committed change of state, and none for content', async () => {
    it.desired = declared(decky('web'));
    it.observed = seen(serviceOf('web', 'ssh'));
    await run();
    it.desired = declared(decky('web', ['ssh'], { distro: 'alpine' }));
    await run();
    it.observed = seen();
    await run();
    it.desired = declared(decky('new'));
    await run();
    const common = { host_uuid: 'local', source: 'fleet' };
    assert.deepEqual(
      it.sent.map(({ payload }) => payload),
      [
        { ...common, name: 'web', state: 'running', transition: 'inserted', id: 1 },
        {
          ...common,
          name: 'web',
          state: 'torn_down',
          transition: 'state_changed',
          previous_state: 'running',
          id: 3,
        },
        { ...common, name: 'new', state: 'torn_down', transition: 'inserted', id: 4 },
        {
          ...common,
          name: 'web',
          state: 'torn_down',
          transition: 'deleted',
          previous_state: 'torn_down',
          id: 5,
        },
      ],
    );
  });

  test('with nothing to do writes no row of fleet_deckies, and one of fleet_hosts', async () => {
    it.desired = declared(decky('web'), decky('mail'));
    it.observed = seen(serviceOf('web', 'ssh'), serviceOf('mail', 'ssh', exited(1)));
    await run();
    await it.db.query('create table written (relation text)');
    await it.db.query(`create function note_write() returns trigger language plpgsql as
      $$ begin insert into written values (tg_relid::regclass::text); return null; end $$`);
    for (const table of ['fleet_deckies', 'fleet_hosts', 'fleet_transitions', 'fleet_gaps']) {
      await it.db.query(`create trigger note_write after insert or update or delete on ${table}
        for each row execute function note_write()`);
    }
    const before = await rowsOf(it.db);
    await run();
    assert.deepEqual(await rowsOf(it.db), before);
    assert.deepEqual(await it.db.query('select relation from written'), [{ relation: 'fleet_hosts' }]);
  });

  test('touches no row of another host', async () => {
    await it.db.query(
      `insert into fleet_deckies (host_uuid, name, services, state, updated_at)
       select 'peer', 'web', '["ssh"]', 'running', now() - interval '1 day'`,
    );
    const before = await rowsOf(it.db, 'peer');
    it.desired = declared(decky('web'));
    await run();
    it.desired = absent;
    await run();
    assert.deepEqual(await rowsOf(it.db, 'peer'), before);
    assert.equal((await rowsOf(it.db)).length, 0);
  });

  test('records how the host is', async () => {
    it.desired = declared(decky('web'));
    it.observed = seen(serviceOf('web', 'ssh'));
    await run();
    it.observed = unreachable;
    await run();
    const [host] = await it.db.query(
      `select turn::int, identity, version, last_error, counts, last_observed_at < last_full_pass_at as blind from fleet_hosts`,
    );
    assert.deepEqual(host, {
      turn: 2,
      identity: 'machine-a',
      version: 'test',
      last_error: 'Docker does not answer: there is no socket',
      counts: {
        inserted: 0,
        deleted: 0,
        state_updated: 0,
        config_updated: 0,
        held: 0,
        deckies: 1,
        containers: 1,
      },
      blind: true,
    });
  });

  test('of some deckies is no full pass', async () => {
    it.desired = declared(decky('web'), decky('mail'));
    assert.deepEqual(await counts({ deckies: ['web'] }), [1, 0, 0, 0]);
    const [host] = await it.db.query(
      'select last_pass_at is not null as pass, last_full_pass_at as full from fleet_hosts',
    );
    assert.deepEqual(host, { pass: true, full: null });
  });

  test('an invalid file fails it after the states were taken', async () => {
    it.desired = declared(decky('web'));
    it.observed = seen(serviceOf('web', 'ssh'));
    await run();
    it.desired = invalid;
    it.observed = seen(serviceOf('web', 'ssh', exited(1)));
    const { failure, result } = await run();
    assert.equal(failure?.code, 'STATE_FILE_INVALID');
    assert.equal(result.state_updated, 1);
    assert.deepEqual(await statesOf(it.db), ['web failed']);
  });

  test('a dry run writes no table at all, and says what it would do', async () => {
    it.desired = declared(
      decky('web', ['ssh'], { service_config: { ssh: { root_password: 'hunter2', banner: 'hi' } } }),
    );
    it.observed = seen(serviceOf('web', 'ssh', exited(1)));
    const { result } = await run({ dry_run: true, deckies: ['web', 'nobody'] });
    assert.deepEqual(result.changes, [
      { action: 'insert', name: 'web', from_state: null, to_state: 'failed', reason: 'ssh: exited, code 1' },
    ]);
    assert.deepEqual([result.inserted, result.dry_run, result.held_rows], [1, true, []]);
    assert.deepEqual(
      result.deckies?.map(({ observed }) => observed?.state),
      ['failed', undefined],
    );
    assert.match(JSON.stringify(result.deckies), /"root_password":"\*\*\*","banner":"hi"/);
    for (const table of ['fleet_deckies', 'fleet_hosts', 'fleet_transitions', 'fleet_gaps']) {
      assert.deepEqual(await it.db.query(`select 1 from ${table}`), [], table);
    }
  });

  test('a gap is written by the pass that ends it', async () => {
    await run();
    await it.db.query(
      `update fleet_hosts set interval_s = 10, last_full_pass_at = now() - interval '31 seconds'`,
    );
    await run();
    await it.db.query(`update fleet_hosts set last_full_pass_at = now() - interval '29 seconds'`);
    await run();
    const gaps = await it.db.query(
      `select round(extract(epoch from to_at - from_at))::int as seconds from fleet_gaps`,
    );
    assert.deepEqual(gaps, [{ seconds: 31 }]);
  });

  test('a host without an interval of its own has a gap when all others call it stale, and no earlier', async () => {
    const interval = 600;
    it.ports.ledger = postgresLedger(it.database, {
      version: 'test',
      historyDays: 30,
      intervalSeconds: interval,
    });
    const views = report(it.database.query, interval);
    await run();
    for (const [minutes, isStale] of [
      [29, false],
      [31, true],
    ] as const) {
      await it.db.query(
        `update fleet_hosts set interval_s = null, last_full_pass_at = now() - make_interval(mins => ${minutes})`,
      );
      assert.deepEqual(
        (await views.hosts(null)).map(({ stale }) => stale),
        [isStale],
      );
      await run();
      assert.equal((await it.db.query('select from fleet_gaps')).length, isStale ? 1 : 0);
    }
  });

  test('old history is dropped, but for the newest of each decky', async () => {
    await it.db.query(
      `insert into fleet_transitions (host_uuid, name, from_state, to_state, reason, at) values
         ('local', 'web', null, 'running', 'a', now() - interval '50 days'),
         ('local', 'web', 'running', 'failed', 'b', now() - interval '40 days'),
         ('local', 'mail', null, 'running', 'c', now() - interval '40 days'),
         ('local', 'mail', 'running', 'failed', 'd', now() - interval '3 days'),
         ('peer', 'web', null, 'running', 'e', now() - interval '50 days'),
         ('peer', 'web', 'running', 'failed', 'f', now() - interval '40 days')`,
    );
    await run();
    const left = await it.db.query('select reason from fleet_transitions order by id');
    assert.deepEqual(
      left.map(({ reason }) => reason),
      ['b', 'd', 'e', 'f'],
    );
  });

  test('a contested row is named in the result and in fleet_hosts', async () => {
    it.desired = declared(decky('web'));
    it.observed = seen(serviceOf('web', 'ssh', exited(1)));
    await run();
    for (let times = 1; times <= 3; times++) {
      await it.db.query(`update fleet_deckies set state = 'running'`);
      const { contested } = (await run()).result;
      assert.deepEqual(contested, times < 3 ? [] : ['web']);
    }
    const [host] = await it.db.query(`select notes #>> '{contested,web,reason}' as reason from fleet_hosts`);
    assert.match(String(host?.reason), /set it to running again, 3 times or more/);
  });

  test('the grace holds what another program wrote, by the database’s clock', async () => {
    it.desired = declared(decky('web'));
    await it.db.query(
      `insert into fleet_deckies (host_uuid, name, services, decky_config, decky_ip, state)
       values ('local', 'web', '["ssh"]', $1, '192.0.2.7', 'running')`,
      [JSON.stringify(decky('web').config)],
    );
    assert.equal((await run()).result.held, 1);
    await it.db.query(`update fleet_deckies set updated_at = now() - interval '301 seconds'`);
    await it.db.query('update fleet_hosts set notes = null');
    assert.deepEqual(await counts(), [0, 0, 1, 0]);
    assert.deepEqual(await statesOf(it.db), ['web torn_down']);
  });
});

describe('the host transaction', () => {
  test('a pass that was overtaken looks again, and what it saw earlier overwrites nothing', async () => {
    it.desired = declared(decky('web'));
    let looks = 0;
    const list = it.ports.engine.list;
    it.ports.engine.list = async (look) => {
      looks += 1;
      if (looks > 1) return list(look);
      // Seen now, applied later: meanwhile another pass sees the truth.
      it.observed = seen(serviceOf('web', 'ssh', exited(1)));
      await run();
      return seen(serviceOf('web', 'ssh'));
    };
    const { result } = await run();
    assert.deepEqual([looks, result.inserted], [3, 0]);
    assert.deepEqual(await statesOf(it.db), ['web failed']);
  });

  test('a pass that is overtaken three times gives up, and writes nothing', async () => {
    it.desired = declared(decky('web'));
    it.ports.engine.list = async () => {
      await it.db.query('update fleet_hosts set turn = turn + 1');
      return seen();
    };
    await assert.rejects(run(), { code: 'PASS_CONFLICT' });
    assert.deepEqual(await statesOf(it.db), []);
  });

  test('transactions of one host never overlap, and those of two hosts do not wait for each other', async () => {
    await it.ports.ledger.host('peer', { create: true });
    const { ledger } = it.ports;
    const request = { host: 'local', only: null, dryRun: false, job: '1' };
    const { generation } = await ledger.host('local', { create: true });
    const order: string[] = [];
    const peerIsDone = new AbortController();
    const slow = ledger.inTransaction(request, generation, async (open) => {
      order.push('local begins');
      // Until the other host is done; if that waited for this one, this would end first.
      await sleep(10_000, undefined, { signal: peerIsDone.signal }).catch(() => undefined);
      await open.record({
        identity: null,
        observed: true,
        error: null,
        counts: {
          inserted: 0,
          deleted: 0,
          state_updated: 0,
          config_updated: 0,
          held: 0,
          deckies: 0,
          containers: 0,
        },
        memory: noMemory,
        figures: noFigures,
      });
      order.push('local ends');
    });
    await waitFor(() => order.length === 1);
    const second = ledger.inTransaction(request, generation, async () => order.push('never'));
    await ledger.inTransaction({ ...request, host: 'peer' }, '0', async () => order.push('peer'));
    peerIsDone.abort();
    await slow;
    assert.equal((await second).kind, 'overtaken');
    assert.deepEqual(order, ['local begins', 'peer', 'local ends']);
  });

  test('an apply that fails writes nothing', async () => {
    it.desired = declared(decky('web'), decky('mail'));
    await it.db.query(`alter table fleet_transitions add constraint no_mail check (name <> 'mail')`);
    await assert.rejects(run());
    assert.deepEqual(await rowsOf(it.db), []);
    assert.deepEqual(it.sent, []);
    const [host] = await it.db.query('select turn::int, last_pass_at from fleet_hosts');
    assert.deepEqual(host, { turn: 0, last_pass_at: null });
  });

  describe('last_seen', () => {
    /** Whether each row's `last_seen` is the time of its last change of state, by name. */
    const isOfChange = async (): Promise<Readonly<Record<string, boolean | null>>> =>
      Object.fromEntries(
        (
          await it.db.query(`select name, last_seen = (select at from fleet_transitions t
              where t.name = d.name and from_state is distinct from to_state order by id desc limit 1) as seen
            from fleet_deckies d order by name`)
        ).map(({ name, seen: one }) => [name, one as boolean | null]),
      );
    const times = (): Promise<readonly object[]> =>
      it.db.query('select name, last_seen from fleet_deckies order by name');

    test('is written with each change of state that was observed', async () => {
      it.desired = declared(decky('web'), decky('gone'));
      it.observed = seen(serviceOf('web', 'ssh'));
      await run();
      assert.deepEqual(await isOfChange(), { gone: true, web: true }, 'inserted');
      const inserted = await times();
      it.observed = seen(serviceOf('web', 'ssh', exited(1)));
      await run();
      assert.deepEqual(await isOfChange(), { gone: true, web: true }, 'changed');
      const changed = await times();
      assert.deepEqual(changed[0], inserted[0]);
      assert.notDeepEqual(changed[1], inserted[1]);
    });

    test('is written with a change to pending that Docker shows', async () => {
      const settings = { graceSeconds: 300, rolloutSeconds: 900 };
      const rollout = () => pass({ host_uuid: 'local' }, '1', it.ports, settings);
      const file = declared(decky('web'));
      it.desired = file.kind === 'declared' ? { ...file, changedAt: Date.now() } : file;
      it.observed = seen();
      await rollout();
      assert.deepEqual(await statesOf(it.db), ['web pending']);
      assert.deepEqual(await isOfChange(), { web: true }, 'inserted');
    });

    test('is kept by every other change', async () => {
      it.desired = declared(decky('web'));
      it.observed = seen(serviceOf('web', 'ssh', exited(1)));
      await run();
      const before = await times();
      it.observed = seen(serviceOf('web', 'ssh', exited(2)));
      await run();
      assert.match(String((await rowsOf(it.db))[0]?.last_error), /code 2/);
      it.desired = declared(decky('web', ['ssh'], { distro: 'alpine' }));
      assert.equal((await run()).result.config_updated, 1);
      it.observed = unreachable;
      it.desired = declared(decky('web', ['ssh'], { distro: 'debian' }));
      assert.equal((await run()).result.config_updated, 1);
      assert.deepEqual(await times(), before);
    });

    test('is not written while Docker does not answer, but by the pass after it', async () => {
      it.desired = declared(decky('web'));
      it.observed = unreachable;
      await run();
      assert.deepEqual(await statesOf(it.db), ['web pending']);
      assert.deepEqual(await isOfChange(), { web: null });
      const [row] = await report(it.database.query, 30).deckies('local');
      assert.equal(row?.last_seen, null);
      it.observed = seen(serviceOf('web', 'ssh'));
      await run();
      assert.deepEqual(await isOfChange(), { web: true });
      const [then] = await report(it.database.query, 30).deckies('local');
      assert.equal(then?.last_seen, then?.since);
    });
  });

  test('a row that another program writes in between is left alone until the next pass', async () => {
    it.desired = declared(decky('web'));
    it.observed = seen(serviceOf('web', 'ssh'));
    await run();
    it.observed = seen(serviceOf('web', 'ssh', exited(1)));
    const undo = inBetween(`update fleet_deckies set last_seen = now()`);
    assert.equal((await run()).result.state_updated, 0);
    undo();
    assert.equal((await run()).result.state_updated, 1);
  });

  test('a row that another program inserts in between stays its own, and those beside it are inserted', async () => {
    it.desired = declared(decky('web'), decky('mail'));
    it.observed = seen(serviceOf('web', 'ssh'), serviceOf('mail', 'ssh'));
    inBetween(`insert into fleet_deckies (host_uuid, name, state) values ('local', 'web', 'pending')`);
    const { result, transitions } = await run();
    assert.equal(result.inserted, 1);
    assert.deepEqual(
      transitions.map(({ name }) => name),
      ['mail'],
    );
    assert.deepEqual(await statesOf(it.db), ['mail running', 'web pending']);
    assert.deepEqual(await it.db.query('select name from fleet_transitions'), [{ name: 'mail' }]);
  });

  test('the server ends the transaction of a hung process, not for ever', async () => {
    await it.ports.ledger.host('local', { create: true });
    const hung = new pg.Client({ connectionString: it.db.url });
    hung.on('error', () => undefined);
    await hung.connect();
    await hung.query(`set idle_in_transaction_session_timeout = '500ms'`);
    await hung.query(`begin; select 1 from fleet_hosts where host_uuid = 'local' for update`);
    it.desired = declared(decky('web'));
    assert.deepEqual(await counts(), [1, 0, 0, 0]);
    await hung.end().catch(() => undefined);
  });
});

describe('whose host this is', () => {
  test('a pass from another machine fails naming both, and writes nothing', async () => {
    it.desired = declared(decky('web'));
    await run();
    const before = await it.db.query('select *, xmin::text from fleet_hosts');
    it.identity = 'machine-b';
    it.desired = declared(decky('other'));
    await assert.rejects(run(), { code: 'OTHER_MACHINE', message: /machine-a.*machine-b/ });
    assert.deepEqual(await statesOf(it.db), ['web torn_down']);
    assert.deepEqual(await it.db.query('select *, xmin::text from fleet_hosts'), before);
  });

  test('a pass from a machine that cannot be identified does not count as one from the right machine', async () => {
    it.desired = declared(decky('web'));
    await run();
    it.identity = null;
    it.desired = declared(decky('other'));
    await assert.rejects(run(), { code: 'OTHER_MACHINE', message: /machine-a.*cannot be identified/ });
    assert.deepEqual(await statesOf(it.db), ['web torn_down']);
  });

  test('until it takes over', async () => {
    await run();
    await it.ports.ledger.takeOver('local', 'machine-b');
    await assert.rejects(run(), { code: 'OTHER_MACHINE' });
    it.identity = 'machine-b';
    await run();
  });
});

/** What the server ran during the work, by its own log, on a connection made for it. */
async function statementsOf(work: () => Promise<unknown>): Promise<readonly string[]> {
  // Only this database's statements are logged so.
  await it.db.query(
    `do $$ begin execute format('alter database %I set log_statement = ''all''', current_database()); end $$`,
  );
  const [server] = await it.db.query(`select current_setting('data_directory') as directory`);
  const log = join(String(server?.directory), 'server.log');
  const fresh = await openDatabase(it.db.url);
  it.ports.ledger = postgresLedger(fresh, { version: 'test', historyDays: 30, intervalSeconds: 30 });
  // What a new connection is asked is not the pass's.
  await fresh.query('select');
  const from = (await stat(log)).size;
  await work();
  await fresh.close();
  const said = (await readFile(log)).subarray(from).toString();
  return said.split(/LOG: {2}(?:statement|execute [^:]*): */).slice(1);
}

describe('the rows of a large host', () => {
  test('are not all read to change one of them', async () => {
    const names = Array.from({ length: 3000 }, (_, at) => `decky-${at}`);
    it.desired = declared(...names.map((name) => decky(name)));
    it.observed = seen(...names.flatMap((name) => [container(name), serviceOf(name, 'ssh')]));
    await run();
    await it.db.query('analyze fleet_deckies');
    const read = async () => {
      const [stored] = await it.db.query<{
        inserted: number;
        updated: number;
        scanned: number;
        found: number;
      }>(
        `select n_tup_ins::int as inserted, n_tup_upd::int as updated, seq_tup_read::int as scanned,
           idx_tup_fetch::int as found
         from pg_stat_user_tables where relname = 'fleet_deckies'`,
      );
      assert.ok(stored);
      return stored;
    };
    // A session reports its statistics some time after a transaction, at the end of another.
    const reported = (isThere: (stored: Awaited<ReturnType<typeof read>>) => boolean) =>
      waitFor(async () => {
        await run({ deckies: ['decky-8'], dry_run: true });
        return isThere(await read());
      });
    await reported(({ inserted }) => inserted === names.length);
    const before = await read();
    it.observed = seen(container('decky-7'), serviceOf('decky-7', 'ssh', exited(137)));
    assert.deepEqual(await counts({ deckies: ['decky-7'] }), [0, 0, 1, 0]);
    await reported(({ updated }) => updated > before.updated);
    const { scanned, found } = await read();
    assert.ok(scanned - before.scanned < 100, `${scanned - before.scanned} rows were scanned`);
    assert.ok(found - before.found < 100, `${found - before.found} rows were found by an index`);
  });
});

describe('the number of statements', () => {
  test('is the same at 10 deckies and at 10,000, counted on the server', async () => {
    const statements = async (count: number): Promise<{ calls: number; commits: number }> => {
      const names = Array.from({ length: count }, (_, at) => `decky-${at}`);
      it.desired = declared(...names.map((name) => decky(name)));
      it.observed = seen(...names.map((name) => serviceOf(name, 'ssh')));
      const ran = await statementsOf(async () => assert.equal((await run()).result.inserted, count));
      return { calls: ran.length, commits: ran.filter((text) => /^commit/i.test(text)).length };
    };
    const few = await statements(10);
    await it.db.query('truncate fleet_deckies, fleet_hosts, fleet_transitions');
    const many = await statements(10_000);
    assert.deepEqual(many, few);
    assert.equal(many.commits, 1);
    assert.ok(many.calls > 5 && many.calls < 16, String(many.calls));
  });
});

describe('the content of a row', () => {
  const threeQuietPasses = async (): Promise<void> => {
    for (let pass = 0; pass < 3; pass++) assert.deepEqual((await run()).transitions, []);
  };
  const readings = (statements: readonly string[]): number =>
    statements.filter((text) => text.includes('decky_config')).length;

  beforeEach(async () => {
    it.desired = declared(decky('web'), decky('mail'));
    it.observed = seen(serviceOf('web', 'ssh'), serviceOf('mail', 'ssh'));
    await run();
  });

  test('is read once, and not again while neither the row nor the file changes', async () => {
    assert.equal(readings(await statementsOf(threeQuietPasses)), 1);
  });

  test('may differ in times that DECNET rewrites, and is read once, too', async () => {
    it.desired = declared(decky('web', ['ssh'], { last_mutated: 12 }), decky('mail'));
    assert.equal(readings(await statementsOf(threeQuietPasses)), 1);
  });

  test('of one decky is read where one is looked at', async () => {
    const statements = await statementsOf(() => run({ deckies: ['web'] }));
    const [reading = ''] = statements.filter((text) => text.includes('decky_config'));
    assert.match(reading, /\$2 = '\{web\}'/);
  });

  test('is read again when another program has changed it', async () => {
    await run();
    const before = await it.db.query('select name, decky_config from fleet_deckies order by name');
    await it.db.query(
      `update fleet_deckies set decky_config = '{"name": "web"}', updated_at = now() - interval '1 h' where name = 'web'`,
    );
    assert.deepEqual(await counts(), [0, 0, 0, 1]);
    assert.deepEqual(await it.db.query('select name, decky_config from fleet_deckies order by name'), before);
  });

  test('is read again when the file has changed', async () => {
    await run();
    it.desired = declared(decky('web', ['ssh'], { distro: 'alpine' }), decky('mail'));
    assert.deepEqual(await counts(), [0, 0, 0, 1]);
  });
});

describe('a host larger than what is read and written at once', () => {
  test('is recorded, read and deleted whole', async () => {
    const names = Array.from({ length: 33_000 }, (_, at) => `decky-${at}`);
    it.desired = declared(...names.map((name) => decky(name)));
    it.observed = seen(...names.map((name) => serviceOf(name, 'ssh')));
    assert.equal((await run()).result.inserted, names.length);
    const quiet = await run();
    assert.deepEqual(quiet.transitions, []);
    assert.ok(names.every((name) => quiet.names?.has(name)));
    assert.ok(!quiet.names?.has('decky-33000'));
    it.desired = declared(decky('decky-32999'));
    it.observed = seen(serviceOf('decky-32999', 'ssh'));
    assert.equal((await run()).result.deleted, names.length - 1);
    assert.deepEqual(await statesOf(it.db), ['decky-32999 running']);
  });
});

describe('migrations', () => {
  let db: Awaited<ReturnType<typeof testDatabase>>;
  before(async () => {
    db = await testDatabase({ migrated: false });
  });
  after(() => db.drop());

  test('may run from three processes at once, and again', async () => {
    const databases = await Promise.all([1, 2, 3].map(() => openDatabase(db.url)));
    const ran = await Promise.all(databases.map((one) => one.migrate()));
    assert.deepEqual(ran.flat(), [
      '001-fleet-tables',
      '002-granted-hosts',
      '003-notifications',
      '004-pass-figures',
      '005-stolen-worker',
      '006-causes',
      '007-settling',
      '008-stopped-workers',
      '009-heartbeat',
      '010-incidents',
      '011-receivers',
      '012-silences',
      '013-pauses',
      '014-last-lines',
      '015-audit',
    ]);
    assert.deepEqual(await databases[0]?.migrate(), []);
    assert.deepEqual(await databases[0]?.migrations(), { pending: [], newer: [] });
    await Promise.all(databases.map((one) => one.close()));
  });

  test('make what the entities say', async () => {
    const database = await openDatabase(db.url);
    // Functions, policies and what a column may hold are the migrations' alone.
    const statements = (await database.orm.schema.getUpdateSchemaSQL())
      .split('\n')
      .filter((line) => !/ drop constraint "\w+_sane";$|^drop function if exists "fleet_/.test(line));
    assert.doesNotMatch(statements.join('\n'), /alter|create|drop/);
    await database.close();
  });

  test('a database that lacks them is named so, with what to do', async () => {
    const empty = await testDatabase({ migrated: false });
    const database = await openDatabase(empty.url);
    const ledger = postgresLedger(database, { version: 'test', historyDays: 30, intervalSeconds: 30 });
    await assert.rejects(ledger.host('local', { create: true }), {
      code: 'SCHEMA_MISSING',
      advice: /decnet-fleet migrate/,
    });
    await database.close();
    await empty.drop();
  });
});
