/**
 * Fills the tables of README.md and docs/performance.md from docs/figures.json, so that the two never differ.
 * `npm run figures [-- RUN.json …]`; each RUN.json is what `npm run bench -- --full --json RUN.json` wrote, and together they
 * replace the runs of docs/figures.json.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../src/lib/package.ts';
import { median, printed, type Table } from './report.ts';

/** One run of all parts. */
export interface Run {
  readonly machine: string;
  /** ISO 8601. */
  readonly at: string;
  readonly tables: readonly Table[];
}

export const figuresFile = join(packageRoot, 'docs', 'figures.json');
export const filledFiles = ['README.md', 'docs/performance.md'] as const;

/** A cell of each run, of the row that holds all of these values. */
type Where = Readonly<Record<string, string | number>>;

function valuesOf(runs: readonly Run[], table: string, column: string, where: Where = {}): readonly number[] {
  return runs.map(({ tables }) => {
    const row = tables
      .find(({ name }) => name === table)
      ?.rows.find((one) => Object.entries(where).every(([key, value]) => one[key] === value));
    const value = row?.[column];
    if (typeof value !== 'number')
      throw new Error(`no figure "${column}" in part ${table} where ${JSON.stringify(where)}`);
    return value;
  });
}

const short = (value: number): string =>
  value.toLocaleString('en-US', { maximumFractionDigits: value >= 20 ? 0 : value >= 1 ? 1 : 2 });

/** The figure of one run or of runs that agree within a fifth; otherwise the range. */
function range(values: readonly number[]): string {
  const [lowest, highest] = [Math.min(...values), Math.max(...values)];
  return highest - lowest <= 0.2 * highest ? short(median(values)) : `${short(lowest)} to ${short(highest)}`;
}

/** The lines of README's table: what, the figure, the command that measures it. */
const lines: readonly (readonly [what: string, figure: (runs: readonly Run[]) => string, part: string])[] = [
  [
    'from a container’s death to its committed row, host of 20 deckies; of 10,000',
    (runs) =>
      [20, 10_000]
        .map((deckies) => `${range(valuesOf(runs, 'event', 'total', { deckies, store: 'Redis' }))} ms`)
        .join('; '),
    'event',
  ],
  [
    'a pass over 10,000 deckies that finds nothing changed, and how many times its bare input and output take',
    (runs) => {
      const where = { deckies: 10_000, case: 'nothing changed' };
      return `${range(valuesOf(runs, 'pass', 'pass', where))} ms, ${range(valuesOf(runs, 'pass', 'ratio', where))} times; ${range(valuesOf(runs, 'pass', 'peak MB', where))} MB at its peak`;
    },
    'pass',
  ],
  [
    'the same with DECNET’s method',
    (runs) =>
      `${range(valuesOf(runs, 'pass', "DECNET's method", { deckies: 10_000, case: 'nothing changed' }))} ms`,
    'pass',
  ],
  [
    'a worker that makes one pass over 100,000 deckies after the other',
    (runs) =>
      `${range(valuesOf(runs, 'work', 'median ms'))} ms each; ${range(valuesOf(runs, 'work', 'peak MB'))} MB at its peak`,
    'work',
  ],
  [
    '1,000 hosts of 20 deckies at 30 s, 1 % of the containers flapping, on two cores',
    (runs) => {
      const figure = (name: string): string => range(valuesOf(runs, 'box', 'value', { figure: name }));
      return `scheduled passes begin ${figure('lateness of scheduled passes, p50')} ms late (p99 ${figure('lateness of scheduled passes, p99')}), events are rows after ${figure('event to row, p50')} ms (p99 ${figure('event to row, p99')})`;
    },
    'box',
  ],
  [
    'the scheduler with 10,000 hosts',
    (runs) => {
      const where = { queues: 'Redis', hosts: 10_000 };
      return `${range(valuesOf(runs, 'queues', 'scheduler % of a core', where))} % of a core, ${range(valuesOf(runs, 'queues', 'scheduler MB', where))} MB`;
    },
    'queues',
  ],
  [
    'an idle worker of the package',
    (runs) => {
      const where = { measured: 'idle: node worker.js of the package' };
      return `${range(valuesOf(runs, 'idle', 'resident MB', where))} MB, ${range(valuesOf(runs, 'idle', 'CPU % of a core', where))} % of a core`;
    },
    'idle',
  ],
  [
    '`reconcile --once --json`, the whole process',
    (runs) =>
      `${range(valuesOf(runs, 'startup', 'median ms', { measured: 'node src/cli/bin.ts reconcile --once --json, queues in PostgreSQL' }))} ms`,
    'startup',
  ],
  [
    'the fleet page as a list, 10,000 deckies on 50 hosts; first content in Chromium',
    (runs) =>
      `${range(valuesOf(runs, 'dashboard', 'median ms', { measured: '/ (the fleet, as a list)' }))} ms; ${range(valuesOf(runs, 'dashboard', 'median ms', { measured: 'first contentful paint of / in Chromium, empty cache' }))} ms`,
    'dashboard',
  ],
];

/** What stands between the markers of each name. */
function blocks(runs: readonly Run[]): ReadonlyMap<string, string> {
  const [latest] = runs;
  if (latest === undefined) throw new Error('there is no run');
  const readme = [
    `Measured ${runs.length === 1 ? 'in one run' : `in ${runs.length} runs`} on ${latest.machine}; ${latest.at.slice(0, 10)}.`,
    '',
    '| what | figure | command |',
    '| --- | --- | --- |',
    ...lines.map(
      ([what, figure, part]) => `| ${what} | ${figure(runs)} | \`npm run bench -- ${part} --full\` |`,
    ),
  ].join('\n');
  return new Map([
    ['figures', readme],
    ['machine', `${latest.machine}, ${latest.at.slice(0, 10)}`],
    ...latest.tables.map((table) => [`table ${table.name}`, printed(table).trim()] as const),
  ]);
}

/** A document with its marked locations filled. @throws Error a marker has no figures */
export function filled(document: string, runs: readonly Run[]): string {
  const texts = blocks(runs);
  return document.replace(
    /(<!-- begin ([^>]+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, begin: string, name: string, end: string) => {
      const text = texts.get(name);
      if (text === undefined) throw new Error(`no figures for "${name}"`);
      return `${begin}${text}\n${end}`;
    },
  );
}

if (import.meta.main) {
  const files = process.argv.slice(2);
  const given = await Promise.all(files.map(async (file) => JSON.parse(await readFile(file, 'utf8')) as Run));
  const runs = given.length > 0 ? given : (JSON.parse(await readFile(figuresFile, 'utf8')) as readonly Run[]);
  const texts = await Promise.all(
    filledFiles.map(async (file) => filled(await readFile(join(packageRoot, file), 'utf8'), runs)),
  );
  // Only now, when no figure is missing.
  if (given.length > 0) await writeFile(figuresFile, `${JSON.stringify(runs, null, 1)}\n`);
  for (const [at, file] of filledFiles.entries()) await writeFile(join(packageRoot, file), texts[at] ?? '');
}
