/**
 * Measures the figures of docs/performance.md: `npm run bench [-- PART…] [--full] [--json FILE]`
 * `--full` uses the sizes of that page. Parts: pass, incidents, work, event, queues, startup, dashboard, box, idle;
 * by default all of them, but idle only with `--full`.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { measureAtWork } from './at-work.ts';
import { measureBox } from './box.ts';
import { measureDashboard } from './dashboard.ts';
import { measureOneEvent } from './one-event.ts';
import { allCases, measureBesideIncidents, measureOnePass } from './one-pass.ts';
import { measureQueues } from './queues.ts';
import { machine, printed, type Table } from './report.ts';
import { measureIdle, measureStartup } from './startup.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    deckies: { type: 'string' },
    rounds: { type: 'string' },
    full: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});
const isFull = values.full;
const rounds = Number(values.rounds ?? (isFull ? 5 : 2));
const deckies = values.deckies ?? (isFull ? '100,1000,10000,50000' : '100,2000');

const parts: Readonly<Record<string, () => Promise<Table>>> = {
  pass: () => {
    const upstream = isFull ? { quiet: 10_000, allCases: 100 } : { quiet: 100, allCases: 0 };
    const cases = isFull ? allCases : (['all new', 'nothing changed', '1 % changed'] as const);
    return measureOnePass({ sizes: deckies.split(',').map(Number), rounds, cases, upstream });
  },
  incidents: () =>
    measureBesideIncidents(isFull ? { deckies: 10_000, rounds: 20 } : { deckies: 2000, rounds: rounds * 3 }),
  work: () => measureAtWork(isFull ? { deckies: 100_000, seconds: 31 } : { deckies: 1000, seconds: 1 }),
  event: () => measureOneEvent({ sizes: isFull ? [20, 10_000] : [20, 2000], rounds: isFull ? 10 : 1 }),
  queues: () =>
    measureQueues(
      isFull
        ? { redis: [1000, 10_000], postgres: [1000], rounds: 2, seconds: 30 }
        : { redis: [1000], postgres: [100], rounds: 1, seconds: 0 },
    ),
  startup: () => measureStartup({ rounds: isFull ? 2 : 1 }),
  dashboard: () =>
    measureDashboard(
      isFull
        ? { hosts: 50, deckies: 10_000, readers: 200, rounds: 3 }
        : { hosts: 10, deckies: 2000, readers: 50, rounds: 1 },
    ),
  box: () =>
    measureBox(
      isFull
        ? { hosts: 1000, deckies: 20, interval: 30, seconds: 300 }
        : { hosts: 20, deckies: 20, interval: 1, seconds: 3 },
    ),
  idle: () => measureIdle({ seconds: isFull ? 600 : 10 }),
};
const unknown = positionals.filter((name) => !(name in parts));
if (unknown.length > 0) {
  console.error(`There is no part "${unknown.join('", "')}". Parts: ${Object.keys(parts).join(', ')}`);
  process.exit(2);
}
// A short measurement of idle processes shows little, and their start disturbs the others.
const usual = Object.keys(parts).filter((name) => isFull || name !== 'idle');
const isWanted = (name: string): boolean => (positionals.length === 0 ? usual : positionals).includes(name);

console.log(`On ${machine()}\n`);
type Timed = Table & { readonly seconds: number };
const timed = async (measure: () => Promise<Table>): Promise<Timed> => {
  const from = performance.now();
  const table = await measure();
  return { ...table, seconds: Math.round((performance.now() - from) / 1000) };
};
const tables: Timed[] = [];
const show = (table: Timed): void => {
  tables.push(table);
  console.log(`${printed(table)}\n(${table.seconds} s)\n`);
};
// The idle processes are measured for a long time, in parallel with the others: they hardly disturb each other.
const { idle, ...others } = parts;
const idling = isWanted('idle') && idle !== undefined ? timed(idle) : undefined;
idling?.catch(() => undefined);
for (const [name, measure] of Object.entries(others)) if (isWanted(name)) show(await timed(measure));
if (idling !== undefined) show(await idling);
if (values.json !== undefined)
  await writeFile(
    values.json,
    `${JSON.stringify({ machine: machine(), at: new Date(), tables }, null, 2)}\n`,
  );
