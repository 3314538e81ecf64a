import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { causeToJson } from '../../src/database/cause.ts';
import { raiseAlerts } from '../../src/database/ledger/alerts.ts';
import { postgresOutbox } from '../../src/database/outbox.ts';
import type { AlertUpdate } from '../../src/fleet/alerts/alert.ts';
import { AlertTable } from '../harness/alert-table.ts';
import { clear } from '../harness/incidents.ts';
import { openTestDatabase } from '../harness/open-database.ts';
import { fc } from '../harness/property.ts';

const causes = [
  null,
  { service: 'ssh', state: 'exited', exitCode: 1 },
  { service: 'ssh', state: 'exited', exitCode: 137, endedBy: 'request' },
  { service: null, state: 'no container', exitCode: null, deployment: { outcome: 'failed', of: 'new-01' } },
] as const;

const update: fc.Arbitrary<AlertUpdate> = fc.record({
  kind: fc.constantFrom('state', 'state', 'reason'),
  name: fc.constantFrom('web', 'mail'),
  state: fc.constantFrom('running', 'pending', 'failed', 'degraded', 'removed'),
  reason: fc.constantFrom('x', 'y'),
  cause: fc.constantFrom(...causes),
  makes: fc.constantFrom('alert', 'if it ran', 'always', 'none'),
});
/** Milliseconds since the action before; null: all alerts are notified. */
const actions = fc.array(
  fc.tuple(fc.integer({ min: 0, max: 5000 }), fc.option(update, { freq: 4, nil: null })),
  { minLength: 1, maxLength: 25 },
);

describe('the rows of alerts', async () => {
  const { db, database } = await openTestDatabase();
  const outbox = postgresOutbox(database, { intervalSeconds: 30, graceSeconds: 5, historyDays: 30 });
  const select = `select name, state, told as notified, reason, cause, extract(epoch from since)::float8 * 1000 as since,
      extract(epoch from changed_at)::float8 * 1000 as changed, extract(epoch from unsettled_at)::float8 * 1000 as unsettled,
      jsonb_array_length(recent) as recent
    from fleet_alarms order by name`;

  const expected = (table: AlertTable): readonly object[] =>
    [...table.alerts.values()]
      .map(({ subject, reason, since, changedAt, unsettledAt, recent }) => ({
        name: subject.name,
        state: subject.state,
        notified: subject.notified,
        reason,
        cause: causeToJson(subject.cause),
        since,
        changed: changedAt,
        unsettled: Number.isNaN(unsettledAt) ? null : unsettledAt,
        recent: recent.length,
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));

  /** Notifies what is due of the state now, as the notifier does. */
  async function notify(table: AlertTable): Promise<void> {
    const due = [...table.alerts.values()].filter(
      ({ subject }) => subject.state !== subject.notified && subject.state !== 'pending',
    );
    await outbox.check(0, {
      settle: () =>
        due.map(({ host, subject: { name, state } }) => ({
          host,
          subject: { kind: 'decky', name, notified: state === 'removed' ? null : state },
          clearsChanges: false,
        })),
      control: clear,
      messages: null,
      receiversOf: () => [''],
      databaseLostAt: null,
    });
    for (const { subject } of due)
      table.notified(subject.name, subject.state === 'removed' ? null : subject.state, false, 0);
  }

  test('take each change as the table in memory does', async () => {
    await db.query(`insert into fleet_hosts (host_uuid) values ('local')`);
    await fc.assert(
      fc.asyncProperty(actions, async (drawn) => {
        await db.query('delete from fleet_alarms');
        const table = new AlertTable();
        let at = Date.parse('2026-03-01T12:00:00Z');
        for (const [afterMs, one] of drawn) {
          at += afterMs;
          if (one === null) await notify(table);
          else {
            await database.transaction((open) =>
              raiseAlerts(open, 'local', new Date(at).toISOString(), [one]),
            );
            table.update(one, at);
          }
        }
        assert.deepEqual(await db.query(select), expected(table));
      }),
      { numRuns: 40 },
    );
  });
});
