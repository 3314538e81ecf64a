import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDecnetTable } from '../../src/decnet-table/open.ts';
import { packageRoot } from '../../src/lib/package.ts';
import { decnetFile, decnetRow } from '../harness/decnet-table.ts';

/** What DECNET may wait for us, in milliseconds. */
const promisedMs = 50;
const isRoot = process.geteuid?.() === 0;
const nobody = 65_534;

const second = (...args: readonly string[]) =>
  spawn(process.execPath, [join(packageRoot, 'test/harness/decnet-second.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });

/** A file with this number of rows of this host, and no others. */
function fileWith(mode: 'wal' | 'delete', count: number, config: string) {
  const made = decnetFile();
  const db = new DatabaseSync(made.file);
  db.exec(`pragma journal_mode = ${mode}; delete from fleet_deckies; begin`);
  const insert = db.prepare(
    `insert into fleet_deckies (host_uuid, name, services, decky_config, state, updated_at)
     values ('local', ?, '[]', ?, 'running', '2026-11-27 05:13:02')`,
  );
  for (let at = 0; at < count; at++) insert.run(`decky-${at}`, config);
  db.exec('commit');
  db.close();
  return made;
}

describe('beside DECNET, which writes the same file', () => {
  const directories: string[] = [];
  after(() => {
    for (const directory of directories) rmSync(directory, { recursive: true, force: true });
  });

  test('nothing that DECNET writes is lost, and it hardly waits', async (t) => {
    const { file, directory } = fileWith('wal', 10_000, `{"x":"${'x'.repeat(1000)}"}`);
    directories.push(directory);
    const table = openDecnetTable(`sqlite://${file}`);
    const child = second('decnet', file, '8');
    let printed = '';
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
    });
    const ended = once(child, 'exit');
    let isOver = false;
    void ended.then(() => {
      isOver = true;
    });
    await once(child.stdout, 'data');
    let written = 0;
    for (let at = 0; !isOver; at++) {
      const rows = await table.read('local', null);
      // All rows in one call; it writes as many as it may at a time.
      const updates = rows.map((was) => ({ was, row: { ...was, lastError: `ours ${at}` } }));
      for (let left = updates; left.length > 0 && !isOver; ) {
        const names = new Set(await table.write('local', { inserts: [], updates: left, deletes: [] }));
        if (names.size === 0) break;
        written += names.size;
        left = left.filter(({ was }) => !names.has(was.name));
      }
    }
    const { last, tookMs } = JSON.parse(printed.slice(printed.indexOf('{'))) as {
      last: Record<string, string>;
      tookMs: number[];
    };
    const standing = await table.read('local', null);
    await table.close();
    assert.deepEqual(
      standing.filter(({ name, deckyConfig }) => last[name] !== undefined && last[name] !== deckyConfig),
      [],
    );
    tookMs.sort((one, other) => one - other);
    const quantile = (part: number): number => tookMs[Math.floor((tookMs.length - 1) * part)] ?? Number.NaN;
    t.diagnostic(
      `DECNET wrote ${tookMs.length} times, we ${written} rows; its wait in ms: ${[0.5, 0.9, 0.99, 1].map((part) => quantile(part).toFixed(1)).join(', ')} (median, 90 %, 99 %, longest)`,
    );
    assert.ok(written > 0 && tookMs.length > 50, `${written} ${tookMs.length}`);
    assert.ok(quantile(0.99) < 5 * promisedMs, `${quantile(0.99)} ms`);
  });

  for (const mode of ['wal', 'delete'] as const) {
    // Ten rows are changed by one transaction, however slow the machine is.
    test(`25 kills in the middle of writing leave nothing half-written (${mode})`, async () => {
      const { file, directory } = fileWith(mode, 10, '{}');
      directories.push(directory);
      if (isRoot) for (const one of [directory, file]) chownSync(one, nobody, nobody);
      let stamps = new Set<unknown>();
      for (let at = 0; at < 25; at++) {
        const child = second('ours', file);
        const ended = once(child, 'exit');
        await once(child.stdout, 'data');
        await sleep(Math.random() * 60);
        child.kill('SIGKILL');
        await ended;
        // SQLite creates such a file, then gives it to the owner of the database: a kill in between leaves it empty.
        for (const beside of ['-wal', '-shm', '-journal'].map((end) => file + end)) {
          const found = statSync(beside, { throwIfNoEntry: false });
          if (found !== undefined && found.size > 0)
            assert.equal(found.uid, statSync(file).uid, `${beside}, ${found.size} bytes`);
        }
        const db = new DatabaseSync(file);
        assert.deepEqual({ ...db.prepare('pragma integrity_check').get() }, { integrity_check: 'ok' });
        const found = new Set(
          db
            .prepare('select last_error from fleet_deckies')
            .all()
            .map((row) => row.last_error),
        );
        assert.equal(found.size, 1, [...found].join());
        stamps = stamps.union(found);
        assert.deepEqual({ ...db.prepare('pragma journal_mode').get() }, { journal_mode: mode });
        db.close();
      }
      assert.equal(stamps.size, 25);
    });
  }

  test('a row that DECNET writes between our reading and our writing stays as DECNET wrote it', async () => {
    const { file, directory } = fileWith('wal', 200, '{}');
    directories.push(directory);
    const table = openDecnetTable(`sqlite://${file}`);
    const rows = await table.read('local', null);
    const db = new DatabaseSync(file);
    db.exec(
      "update fleet_deckies set state = 'pending', updated_at = '2026-11-27 06:00:00' where name like '%5'",
    );
    const updates = rows.map((was) => ({ was, row: { ...was, state: 'failed' } }));
    const written = await table.write('local', { inserts: [decnetRow('new')], updates, deletes: [] });
    assert.ok(written.length > 0 && written.every((name) => !name.endsWith('5')));
    assert.deepEqual(
      { ...db.prepare("select count(*) as n from fleet_deckies where state = 'pending'").get() },
      { n: 20 },
    );
    db.close();
    await table.close();
  });
});
