import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { outageFromMs } from '../../src/fleet/incidents/outage.ts';
import { databaseOutage } from '../../src/notify/database-outage.ts';
import { inScene } from './scene.ts';

describe('a database that answers', { concurrency: true }, () => {
  for (const [name, hold] of [
    ['and whose tables somebody has locked', 'lock table fleet_alarms in access exclusive mode'],
    ['and whose row of locks somebody has locked', 'lock table fleet_locks in access exclusive mode'],
  ] as const)
    test(
      `${name} is not away`,
      inScene(async ({ it, to, notifier, fleetOf, run, received }) => {
        await fleetOf(['web', 'mail']);
        notifier();
        const other = new pg.Client({ connectionString: it.db.url });
        await other.connect();
        try {
          await other.query(`begin; ${hold}`);
          await sleep(1.5 * outageFromMs);
        } finally {
          await other.end();
        }
        // The notifier works again: what it tells next is the first message.
        await fleetOf(['web', 'mail'], ['web']);
        await run();
        await received(1);
        assert.deepEqual(
          to.got.map(({ body }) => (body.incident as { kind: string }).kind),
          ['deckies_down'],
        );
        const incidents = await it.db.query<{ kind: string }>('select kind from fleet_incidents');
        assert.deepEqual(
          incidents.map(({ kind }) => kind),
          ['deckies_down'],
        );
      }),
    );
});

test('one failed check is no outage; two are one since the first', () => {
  const outage = databaseOutage();
  outage.failed(1000);
  assert.deepEqual([outage.awaySince(), outage.unrecordedSince()], [null, null]);
  outage.checked({ lastCheckSeconds: 0 });
  outage.failed(5000);
  assert.equal(outage.awaySince(), null);
  outage.failed(8000);
  assert.deepEqual([outage.awaySince(), outage.unrecordedSince()], [5000, 5000]);
  outage.checked({ lastCheckSeconds: 0 });
  assert.deepEqual([outage.awaySince(), outage.unrecordedSince()], [null, null]);
});
