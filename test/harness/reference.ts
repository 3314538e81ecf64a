/**
 * `npm run reference`: writes what of the documentation comes from the code: docs/states-and-errors.md,
 * docs/configuration.md, docs/commands.md and the manual page. `test/fleet/explain.test.ts` and `test/cli/shell.test.ts` hold them equal to the code.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createContext } from '../../src/cli/context.ts';
import { createProgram } from '../../src/cli/program.ts';
import { commandsPage, manualPage } from '../../src/cli/shell/manual.ts';
import { type Surface, surfaceOf } from '../../src/cli/shell/surface.ts';
import { type Explained, everythingExplained } from '../../src/fleet/explain/explain.ts';
import { packageRoot, version } from '../../src/lib/package.ts';
import { settingsFile, settingsText } from './settings-reference.ts';

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

export const surface = async (): Promise<Surface> => surfaceOf(await createProgram(createContext({})));

/** The files that are written, and their contents. */
export async function references(): Promise<readonly (readonly [file: string, text: string])[]> {
  const commands = await surface();
  return [
    [referenceFile, referenceText()],
    [settingsFile, settingsText()],
    [join(packageRoot, 'docs', 'commands.md'), commandsPage(commands)],
    [join(packageRoot, 'deploy', 'man', 'decnet-fleet.1'), manualPage(commands, version)],
  ];
}

if (process.argv[1] === import.meta.filename)
  for (const [file, text] of await references()) {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
