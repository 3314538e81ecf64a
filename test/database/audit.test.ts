import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditStore, pruneAudit } from '../../src/database/audit.ts';
import { openTestDatabase } from '../harness/open-database.ts';

const { db, database } = await openTestDatabase();

test('an entry is shortened and printable', async () => {
  const audit = auditStore(database.query);
  const long = `\u0000\u001b${'x'.repeat(600)}`;
  const about = { who: long, host: long, target: long, details: long };
  await audit.record({ ...about, via: 'page', act: 'pause', outcome: 'refused' });
  const [entry] = await audit.list({ who: null, act: 'pause', host: null, before: null, limit: 9 });
  assert.deepEqual(
    [entry?.who.length, entry?.host_uuid?.length, entry?.target?.length, entry?.details?.length],
    [128, 64, 200, 500],
  );
  assert.match(entry?.details ?? '', /^\ufffd\ufffdx+…$/);
});

test('old entries are removed, and all but the newest 10,000 wrong logins', async () => {
  await db.query('delete from fleet_audit');
  await db.query(
    `insert into fleet_audit (who, via, act, outcome, at)
     select 'ops', 'page', act, outcome, now() - make_interval(days => days)
     from (values ('pause', 'done', 31), ('pause', 'refused', 29), ('sign in', 'done', 1)) rows (act, outcome, days)`,
  );
  await db.query(
    `insert into fleet_audit (who, via, act, outcome)
     select 'unknown', 'page', 'sign in', 'refused' from generate_series(1, 10005)`,
  );
  await pruneAudit(database.query, 30);
  const left = await db.query<{ act: string; outcome: string; count: number }>(
    'select act, outcome, count(*)::int as count from fleet_audit group by 1, 2 order by 1, 2',
  );
  assert.deepEqual(
    left.map((row) => Object.values(row)),
    [
      ['pause', 'refused', 1],
      ['sign in', 'done', 1],
      ['sign in', 'refused', 10_000],
    ],
  );
});
