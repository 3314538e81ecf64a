/** `npm run reference`: writes docs/states-and-errors.md, which `test/fleet/explain.test.ts` holds equal to the code. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Explained, everythingExplained } from '../../src/fleet/explain/explain.ts';
import { packageRoot } from '../../src/lib/package.ts';

export const referenceFile: string = join(packageRoot, 'docs', 'states-and-errors.md');

const chapters: readonly (readonly [kind: Explained['kind'], title: string, intro: string])[] = [
  ['state', 'States', 'The column `state` of a row.'],
  ['condition', 'Conditions', 'Words that the pages, `status` and `hosts` show beside hosts and rows.'],
  ['reason', 'Reasons', 'Parts of the column `last_error`, and of the reasons of changes.'],
  ['exit code', 'Exit codes of containers', 'As in `ssh: exited, code 137`.'],
  ['error code', 'Error codes', 'Of a command that failed: in its log, and in `code` of thrown errors.'],
];

/** A text in a cell of a table. */
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

export const referenceText = (): string =>
  `# Every state, reason and error code

What it means, and what to do. In a shell: \`decnet-fleet explain WORD\`. This page is written by \`npm run reference\`.
${chapters
  .map(
    ([kind, title, intro]) => `
## ${title}
${intro}

| | What it means | What to do |
| --- | --- | --- |
${everythingExplained
  .filter((one) => one.kind === kind)
  .map(({ name, meaning, advice }) => `| \`${cell(name)}\` | ${cell(meaning)} | ${cell(advice)} |\n`)
  .join('')}`,
  )
  .join('')}`;

if (process.argv[1] === import.meta.filename) await writeFile(referenceFile, referenceText());
