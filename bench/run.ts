/**
 * Measures what docs/performance.md tells: `npm run bench [-- PART…] [--full] [--json FILE]`
 * Without parts the quick ones; `--full` measures all parts, at their full sizes.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { measureOneEvent } from './one-event.ts';
import { measureOnePass } from './one-pass.ts';
import { machine, printed, type Table } from './report.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    deckies: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    full: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});
const numbers = (text: string): readonly number[] => text.split(',').map(Number);
const isFull = values.full;

const parts: Record<string, () => Promise<Table>> = {
  pass: () =>
    measureOnePass({
      sizes: numbers(values.deckies ?? (isFull ? '100,1000,10000,50000' : '100,1000,10000')),
      rounds: Number(values.rounds),
    }),
  event: () => measureOneEvent({ sizes: [20, 10_000], rounds: isFull ? 50 : 15 }),
};
const unknown = positionals.filter((name) => !(name in parts));
if (unknown.length > 0) {
  console.error(`There is no part "${unknown.join('", "')}". Parts: ${Object.keys(parts).join(', ')}`);
  process.exit(2);
}

console.log(`On ${machine()}\n`);
const tables: Table[] = [];
for (const [name, measure] of Object.entries(parts)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const table = await measure();
  tables.push(table);
  console.log(printed(table));
}
if (values.json !== undefined)
  await writeFile(
    values.json,
    `${JSON.stringify({ machine: machine(), at: new Date(), tables }, null, 2)}\n`,
  );
