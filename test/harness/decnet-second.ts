/**
 * The other process of the tests of DECNET's SQLite file. `decnet FILE SECONDS`: writes as DECNET does, and prints how long each
 * transaction took. `ours FILE`: writes all rows together through the adapter, again and again, until it is killed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { openDecnetTable } from '../../src/decnet-table/open.ts';
import { openAsDecnet } from './decnet-table.ts';

const [role, file = '', seconds = '0'] = process.argv.slice(2);

if (role === 'decnet') {
  const db = openAsDecnet(file);
  const names = db
    .prepare("select name from fleet_deckies where host_uuid = 'local'")
    .all()
    .map(({ name }) => String(name));
  const update = db.prepare(
    "update fleet_deckies set decky_config = ?, updated_at = ? where host_uuid = 'local' and name = ?",
  );
  const last: Record<string, string> = {};
  const tookMs: number[] = [];
  process.stdout.write('ready\n');
  const until = performance.now() + Number(seconds) * 1000;
  for (let at = 0; performance.now() < until; at++) {
    const began = performance.now();
    db.exec('begin immediate');
    for (const name of [names[at % names.length] ?? '', names[(at * 7) % names.length] ?? '']) {
      last[name] = `{"n":${at}}`;
      update.run(`{"n":${at}}`, `2026-11-27 05:13:02.${String(at).padStart(6, '0')}`, name);
    }
    db.exec('commit');
    tookMs.push(performance.now() - began);
    await sleep(5);
  }
  db.close();
  process.stdout.write(JSON.stringify({ last, tookMs }));
} else {
  const table = openDecnetTable(`sqlite://${file}`);
  for (let at = 0; ; at++) {
    const rows = await table.read('local', null);
    const updates = rows.map((was) => ({
      was,
      row: { ...was, state: 'failed', lastError: `${process.pid} ${at}` },
    }));
    await table.write('local', { inserts: [], updates, deletes: [] });
    if (at === 0) process.stdout.write('ready\n');
  }
}
