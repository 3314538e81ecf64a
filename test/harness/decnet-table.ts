import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { packageRoot } from '../../src/lib/package.ts';
import type { DecnetRow } from '../../src/pass/decnet-table.ts';
import { fastDirectory } from './fast-directory.ts';

/** A row as it stands in the table: all columns, by their names. */
export type Standing = Readonly<Record<string, string | null>>;

/** A database of DECNET's, and a second program that uses it. */
export interface DecnetDatabase {
  readonly url: string;
  /** Runs a statement as the second program does. */
  run(sql: string, ...values: readonly (string | null)[]): Promise<void>;
  /** All rows of all hosts, by host and name. */
  rows(): Promise<readonly Standing[]>;
  /** The longest wait for a lock as the server measures it, in milliseconds; null: it does not measure that. */
  longestLockWaitMs(): Promise<number | null>;
  /** Empties the table. */
  clear(): Promise<void>;
  remove(): Promise<void>;
}

export const fixture = (name: string): string => join(packageRoot, 'test/fixtures/decnet-db', name);

/** A copy of the file that DECNET's migrations made, with a few of its rows. */
export function decnetFile(): { readonly file: string; readonly directory: string } {
  const directory = mkdtempSync(join(fastDirectory(), 'decnet-fleet-table-'));
  const file = join(directory, 'decnet.db');
  copyFileSync(fixture('decnet.sqlite'), file);
  return { file, directory };
}

/** Opens it as DECNET does. */
export function openAsDecnet(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: 30_000 });
  db.exec('pragma journal_mode = wal; pragma synchronous = normal');
  return db;
}

/** @param mode the journal mode of the file */
export async function sqliteDecnet(mode: 'wal' | 'delete'): Promise<DecnetDatabase> {
  const { file, directory } = decnetFile();
  const db = openAsDecnet(file);
  db.exec(`pragma journal_mode = ${mode}`);
  return {
    url: `sqlite://${file}`,
    run: async (sql, ...values) => void db.prepare(sql).run(...values),
    rows: async () =>
      db
        .prepare('select * from fleet_deckies order by host_uuid, name')
        .all()
        .map((row) => ({ ...row }) as Standing),
    longestLockWaitMs: async () => null,
    clear: async () => db.exec('delete from fleet_deckies'),
    remove: async () => {
      db.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A row as DECNET writes it, but in whole seconds: MySQL has no others. */
export const decnetRow = (name: string, more: Partial<DecnetRow> = {}): DecnetRow => ({
  name,
  services: '["http","ssh"]',
  deckyConfig: JSON.stringify({ name, ip: '192.0.2.11', services: ['http', 'ssh'], distro: 'debian' }),
  deckyIp: '192.0.2.11',
  state: 'running',
  lastError: null,
  lastSeen: null,
  updatedAt: '2026-11-27 05:13:02',
  ...more,
});

/** A row with everything else equal and another time, as every writer leaves it. */
export const changed = (row: DecnetRow, more: Partial<DecnetRow>): DecnetRow => ({
  ...row,
  updatedAt: '2026-11-27 06:00:00',
  ...more,
});
