import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openDatabase } from '../../src/database/orm.ts';
import { report } from '../../src/database/queries/report.ts';
import { testDatabase } from '../harness/database.ts';
import { addIncidents } from '../harness/sample-incident.ts';

describe('the incidents as people read them', () => {
  test('the most severe first, of those the control plane, then the most deckies; closed ones after them', async () => {
    const db = await testDatabase();
    const database = await openDatabase(db.url);
    try {
      for (const [id, kind, severity, deckies, isClosed] of [
        ['flapping', 'host_flapping', 'warning', 40, false],
        ['paused', 'queue_paused', 'info', 40, false],
        ['over', 'host_down', 'critical', 90, true],
        ['small', 'deckies_down', 'warning', 1, false],
        ['down', 'host_down', 'critical', 36, false],
        ['large', 'deckies_down', 'warning', 3, false],
        ['queues', 'queues_unreachable', 'critical', 0, false],
      ] as const)
        await addIncidents(db, {
          id,
          kind,
          severity,
          extent: { hosts: 1, deckies, down: 0 },
          ...(isClosed && { endedSecondsAgo: 0 }),
        });
      const found = await report(database.query, 30).incidents({ open: false, since: null, limit: 10 });
      assert.deepEqual(
        found.map(({ id }) => id),
        ['queues', 'down', 'flapping', 'large', 'small', 'paused', 'over'],
      );
    } finally {
      await database.close();
      await db.drop();
    }
  });
});
