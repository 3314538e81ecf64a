import assert from 'node:assert/strict';
import { glob, readFile, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { packageRoot } from '../src/lib/package.ts';
import { callsIn, idle } from './harness/command-lines.ts';

const pages = await Array.fromAsync(glob('{*.md,docs/**/*.md,.github/**/*.md}', { cwd: packageRoot }));
const textOf = (page: string): Promise<string> => readFile(join(packageRoot, page), 'utf8');

/** The blocks of code of a page, without their fences. */
const blocksOf = (text: string): readonly string[] =>
  [...text.matchAll(/^```\w*\n(.*?)^```$/gms)].map(([, block]) => block ?? '');

const prose = (text: string): string => text.replace(/^```.*?^```$/gms, '');

/** The anchor of a heading, as GitHub makes it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

const anchorsOf = (text: string): readonly string[] =>
  [...prose(text).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading ?? ''));

/** The links of a page to files of this repository: the path, and the heading if there is one. */
function linksOf(page: string, text: string): readonly (readonly [path: string, anchor: string | null])[] {
  return [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target ?? '')
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [path = '', anchor = null] = target.split('#');
      return [path === '' ? join(packageRoot, page) : resolve(packageRoot, dirname(page), path), anchor];
    });
}

/** The lines of a shell in a block, without prompts, comments and output. Lines that end with a backslash are one. */
const shellLines = (block: string): readonly string[] =>
  block
    .replaceAll('\\\n', ' ')
    .split('\n')
    .map((line) => line.replace(/^\$ /, '').replace(/(^|\s)# .*$/, ''))
    // The command's own output begins with its name, too.
    .filter((line) => /(^|[\s/])decnet-fleet [a-z-]/.test(line) && !line.startsWith('decnet-fleet: '));

/** What stands for a value, and is none. */
const isSample = (line: string): boolean => /<command>|VERSION/.test(line);

describe('the documentation', () => {
  test('there are pages', () => assert.ok(pages.length > 40, pages.join()));

  for (const page of pages)
    test(`${page}: its links lead somewhere`, async () => {
      for (const [path, anchor] of linksOf(page, await textOf(page))) {
        const location = relative(packageRoot, path);
        assert.ok(!location.startsWith('..'), `${location} is outside the repository`);
        const found = await stat(path).catch(() => assert.fail(`${location} does not exist`));
        if (anchor !== null && found.isFile() && path.endsWith('.md'))
          assert.ok(
            anchorsOf(await readFile(path, 'utf8')).includes(anchor),
            `${location} has no #${anchor}`,
          );
      }
    });

  test('the program accepts every command in it', async () => {
    let count = 0;
    for (const page of pages)
      for (const line of blocksOf(await textOf(page)).flatMap(shellLines)) {
        if (isSample(line)) continue;
        for (const call of callsIn(line.replace(/\S*\/decnet-fleet /g, 'decnet-fleet '))) {
          const { program, ran } = await idle();
          await program
            .parseAsync([...call], { from: 'user' })
            .catch((error: Error) => assert.fail(`${page}: ${line}: ${error.message}`));
          assert.deepEqual(ran, [call[0]], `${page}: ${line}`);
          count += 1;
        }
      }
    assert.ok(count > 80, `only ${count} commands were found`);
  });
});
