import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { completionScript, shells } from '../../src/cli/shell/completion.ts';
import { packageRoot } from '../../src/lib/package.ts';
import { findProgram } from '../harness/program.ts';
import { references, surface } from '../harness/reference.ts';
import { runHere } from '../harness/run-here.ts';

const run = promisify(execFile);
const missing = async (program: string): Promise<string | false> =>
  (await findProgram(program)) === null ? `there is no ${program} on this machine` : false;

describe('what is written from the definitions of the commands', async () => {
  for (const [file, text] of await references())
    test(`${relative(packageRoot, file)} is up to date`, async () => {
      assert.equal(await readFile(file, 'utf8'), text, 'run `npm run reference`');
    });

  const noMandoc = await missing('mandoc');
  test('the manual page has no fault', { skip: noMandoc }, async () => {
    const page = join(packageRoot, 'deploy/man/decnet-fleet.1');
    const { stdout } = await run('mandoc', ['-T', 'lint', '-W', 'warning', page]).catch(
      (error: { stdout: string }) => error,
    );
    // A date would change with each build.
    const faults = stdout.split('\n').filter((line) => line !== '' && !line.includes('missing date'));
    assert.deepEqual(faults, []);
    const { stdout: read } = await run('mandoc', ['-T', 'ascii', page]);
    for (const { name } of (await surface()).commands) assert.match(read, new RegExp(`\\b${name}\\b`));
  });
});

/** Prints the candidates for a line; its last word is not complete. */
const asks: Readonly<Record<(typeof shells)[number], (script: string, words: readonly string[]) => string>> =
  {
    bash: (script, words) => `source ${script}
compopt() { echo FILES; }
COMP_WORDS=(decnet-fleet ${words.map((word) => `'${word}'`).join(' ')}) COMP_CWORD=${words.length}
_decnet_fleet
printf '%s\\n' "\${COMPREPLY[@]}"`,
    zsh: (script, words) => `compdef() { : }
_describe() { local -a all; all=(\${(P)2}); print -l -- \${all%%:*} }
compadd() { shift; print -l -- "$@" }
_files() { print FILES }
source ${script}
words=(decnet-fleet ${words.map((word) => `'${word}'`).join(' ')}) CURRENT=${words.length + 1}
_decnet_fleet`,
    fish: (script, words) => `source ${script}
complete -C 'decnet-fleet ${words.join(' ')}' | cut -f 1`,
  };

/** What is typed, what must be among the candidates, and what must not. */
const typed: readonly (readonly [
  words: readonly string[],
  has: readonly string[],
  lacks: readonly string[],
])[] = [
  [[''], ['status', 'plan', 'completion'], ['--sort']],
  [['sta'], ['status'], []],
  [
    ['status', '--'],
    ['--sort', '--broken'],
    ['--once', 'plan'],
  ],
  [
    ['status', '--sort', ''],
    ['severity', 'since'],
    ['--sort', 'status'],
  ],
  [['wait', '--for', ''], ['converged', 'fresh'], ['status']],
  [['notify', ''], ['test'], ['status']],
  [['completion', ''], [...shells], ['status']],
];

describe('completions', async () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'decnet-fleet-shell-'));
  });
  after(() => rm(directory, { recursive: true }));

  test('the command prints the script', async () => {
    for (const shell of shells)
      assert.equal(
        (await runHere(['completion', shell], {})).stdout,
        completionScript(shell, await surface()),
      );
    const { code, stderr } = await runHere(['completion', 'tcsh'], {});
    assert.equal(code, 2);
    assert.match(stderr, /"tcsh" is not valid.*Allowed: bash, zsh, fish/s);
  });

  for (const shell of shells)
    describe(shell, { skip: await missing(shell) }, () => {
      for (const [words, has, lacks] of typed)
        test(words.join(' ') || 'nothing', async () => {
          const script = join(directory, `${shell}-script`);
          await writeFile(script, completionScript(shell, await surface()));
          const flags = { bash: ['--norc'], zsh: ['-f'], fish: ['--no-config'] }[shell];
          const { stdout } = await run(shell, [...flags, '-c', asks[shell](script, words)], {
            env: { PATH: process.env.PATH, HOME: directory, TERM: 'dumb' },
          });
          const found = stdout.split('\n');
          for (const word of has) assert.ok(found.includes(word), `${word} is not in ${stdout}`);
          for (const word of lacks) assert.ok(!found.includes(word), `${word} is in ${stdout}`);
        });
    });
});
