import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { osUser } from '../../src/cli/os-user.ts';
import { declaredDecky } from '../harness/host.ts';
import { hostWithStore } from '../harness/host-with-store.ts';
import { runHere } from '../harness/run-here.ts';
import { addIncidents } from '../harness/sample-incident.ts';

describe('what commands do is recorded', async () => {
  const { store, host, env } = await hostWithStore();
  before(async () => {
    host.write([declaredDecky('web')]);
    await runHere(['reconcile', '--once'], env);
    await addIncidents(store.db, { id: 'i1' });
    await store.db.query(`insert into fleet_hosts (host_uuid, interval_s) values ('gone', 30)`);
    await store.db.query('delete from fleet_audit');
  });

  const me = osUser() ?? 'unknown';
  for (const [args, code, expected] of [
    [['reconcile', '--once'], 0, [me, 'reconcile', 'local', null, null, 'done']],
    [['reconcile', '--once', '--dry-run'], 0, null],
    [['plan'], 0, null],
    [
      ['pause', 'local', '--why', 'drill', '--who', 'ops'],
      0,
      ['ops', 'pause', 'local', null, 'drill', 'done'],
    ],
    [['resume', 'local'], 0, [me, 'resume', 'local', null, null, 'done']],
    [
      ['silence', '--host', 'local', '--for', '2h', '--why', 'x'],
      0,
      [me, 'silence', 'local', 'host local', '7200 s: x', 'done'],
    ],
    [['unsilence', '1'], 0, [me, 'unsilence', null, 'silence 1', null, 'done']],
    [
      ['unsilence', '9'],
      1,
      [me, 'unsilence', null, 'silence 9', 'There is no silence 9. Nothing is silenced now', 'refused'],
    ],
    [['ack', 'i1', '--why', 'mine'], 0, [me, 'ack', null, 'i1', 'mine', 'done']],
    [['unack', 'i1'], 0, [me, 'unack', null, 'i1', null, 'done']],
    [['forget', '--host', 'gone', '--yes'], 0, [me, 'forget', 'gone', null, '0 rows', 'done']],
  ] as const)
    test(`${args.join(' ')}: ${expected === null ? 'nothing to record' : expected[5]}`, async () => {
      const before = await store.db.query<{ id: string }>('select id from fleet_audit');
      const done = await runHere(args, env);
      assert.equal(done.code, code, done.stderr);
      const added = await store.db.query<Record<string, unknown>>(
        `select who, act, host_uuid, target, details, outcome from fleet_audit
         where via = 'cli' and id > (select coalesce(max(id), 0) from unnest($1::bigint[]) id)`,
        [before.map(({ id }) => id)],
      );
      assert.deepEqual(
        added.map((row) => Object.values(row)),
        expected === null ? [] : [expected],
      );
    });

  test('a command that cannot record what it did does it, and says so', async () => {
    await store.db.query('alter table fleet_audit rename to hidden');
    const done = await runHere(['ack', 'i1', '--why', 'mine'], env);
    await store.db.query('alter table hidden rename to fleet_audit');
    assert.equal(done.code, 0);
    assert.match(done.stdout, /is acknowledged by/);
    assert.match(done.stderr, /^decnet-fleet: not recorded in the audit log: [^\n]+\n$/);
  });
});
