import type { App } from '../../app/app.ts';
import { ownReconcilers } from '../../app/decnet-reconciler.ts';
import { localHost } from '../../fleet/decky.ts';
import { countOf, rivalText } from '../../fleet/words.ts';
import type { DecnetRow, DecnetTable } from '../../pass/decnet-table.ts';
import type { DeckyRow } from '../../views/report.ts';
import { type Finding, note, ok } from './finding.ts';

/** Checks DECNET's own table: whether it can be read and written, and agrees. Null: it is not kept. */
export async function checkDecnetTable(app: App): Promise<Finding | null> {
  const table = await app.decnetTable();
  if (table === null) return null;
  const { host } = app.config;
  const rows = await table.read(host, null);
  await table.write(host, { inserts: [], updates: [], deletes: [noRow] });
  const notes = [
    ...(await disagreements(app, table, rows)),
    ...(await rivals(app)),
    ...(host === localHost ? await running() : []),
  ];
  const found = `${table.location}: ${countOf(rows.length, 'row')} of host ${host}`;
  return notes.length === 0 ? ok(`${found}, as in the fleet's table`) : note(`${found}. ${notes.join('. ')}`);
}

/** A row that no table has: to delete it needs the right to write, and changes nothing. */
const noRow: DecnetRow = {
  name: '-',
  services: null,
  deckyConfig: null,
  deckyIp: null,
  state: '',
  lastError: null,
  lastSeen: null,
  updatedAt: '1970-01-01 00:00:00',
};

async function disagreements(
  app: App,
  table: Pick<DecnetTable, 'location'>,
  rows: readonly DecnetRow[],
): Promise<readonly string[]> {
  const ours = await app.report().then(
    (report) => report.deckies(app.config.host),
    () => null,
  );
  if (ours === null)
    return [`The fleet's table does not answer, so ${table.location} was not compared with it`];
  const states = (
    all: readonly Pick<DeckyRow | DecnetRow, 'name' | 'state'>[],
  ): ReadonlyMap<string, string> => new Map(all.map(({ name, state }) => [name, state]));
  const [theirs, own] = [states(rows), states(ours)];
  const different = [...new Set([...theirs.keys(), ...own.keys()])].filter(
    (name) => theirs.get(name) !== own.get(name),
  );
  const [name = ''] = different;
  if (different.length === 0) return [];
  return [
    `${countOf(different.length, 'row')} ${different.length === 1 ? 'differs' : 'differ'} from the fleet's table (${name}: ${theirs.get(name) ?? 'no row'} there, ${own.get(name) ?? 'no row'} here). A worker writes them with its next pass, or when DECNET_GRACE is over`,
  ];
}

async function rivals(app: App): Promise<readonly string[]> {
  const [found] = await app.report().then(
    (report) => report.hosts(app.config.host),
    () => [],
  );
  const rival = found?.decnet_table?.rival ?? null;
  return rival === null ? [] : [rivalText(rival)];
}

async function running(): Promise<readonly string[]> {
  const found = await ownReconcilers();
  if (found.length === 0) return [];
  const [first] = found;
  return [
    `DECNET's own reconciler also writes it: ${first?.command} (process ${first?.pid}). To switch it off: docs/decnet-host.md, "One reconciler"`,
  ];
}
