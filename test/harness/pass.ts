import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Database } from '../../src/database/database.ts';
import { postgresLedger } from '../../src/database/ledger/ledger.ts';
import { openDatabase } from '../../src/database/orm.ts';
import type { Desired } from '../../src/fleet/desired.ts';
import type { EngineAnswer } from '../../src/fleet/plan/facts.ts';
import type { Message } from '../../src/fleet/topics.ts';
import { packageRoot } from '../../src/lib/package.ts';
import { noHearing } from '../../src/pass/observe.ts';
import type { Ports } from '../../src/pass/pass.ts';
import { type TestDatabase, testDatabase } from './database.ts';
import { declared, seen } from './facts.ts';

/** A pass on a real ledger with a simulated file and engine. */
export interface Bench {
  readonly db: TestDatabase;
  readonly database: Database;
  readonly ports: { -readonly [port in keyof Ports]: Ports[port] };
  readonly sent: Message[];
  desired: Desired;
  observed: EngineAnswer;
  identity: string | null;
  close(): Promise<void>;
}

export async function bench(): Promise<Bench> {
  const db = await testDatabase();
  const database = await openDatabase(db.url);
  const sent: Message[] = [];
  const made: Bench = {
    db,
    database,
    sent,
    desired: declared(),
    observed: seen(),
    identity: 'machine-a',
    ports: {
      ledger: postgresLedger(database, { version: 'test', historyDays: 30, intervalSeconds: 30 }),
      stateFile: { path: '/test/decnet-state.json', read: async () => made.desired },
      engine: { list: async () => made.observed },
      machine: { identity: async () => made.identity },
      hearing: noHearing,
      decnet: null,
      bus: { publish: (messages) => void sent.push(...messages) },
    },
    close: async () => {
      await database.close();
      await db.drop();
    },
  };
  return made;
}

export const fixture = (name: string): string =>
  readFileSync(join(packageRoot, 'test/fixtures/decnet', name), 'utf8');

export interface RecordedRow {
  readonly host_uuid: string;
  readonly name: string;
  readonly state: string;
  readonly last_error: string | null;
  readonly decky_ip: string | null;
  readonly services: unknown;
  readonly decky_config: unknown;
  readonly xmin: string;
  readonly ours: boolean;
}

export const rowsOf = (db: TestDatabase, host = 'local'): Promise<readonly RecordedRow[]> =>
  db.query(
    `select host_uuid, name, state, last_error, decky_ip, services, decky_config, xmin::text,
       (reconciled_at = updated_at) is true as ours
     from fleet_deckies where host_uuid = $1 order by name`,
    [host],
  );

/** `name state` of each row. */
export const statesOf = async (db: TestDatabase, host = 'local'): Promise<readonly string[]> =>
  (await rowsOf(db, host)).map(({ name, state }) => `${name} ${state}`);
