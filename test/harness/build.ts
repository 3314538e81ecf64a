import assert from 'node:assert/strict';
import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BuiltDecky } from '../../src/builder/build.ts';
import { type Finished, start } from './cli.ts';
import { type TestHost, testHost } from './host.ts';
import { runHere } from './run-here.ts';

export const net = ['--subnet', '10.0.0.0/24', '--gateway', '10.0.0.1', '--host-ip', '10.0.0.2'] as const;

/** Two deckies called `a-01`. */
export const duplicated = '[a]\nservices=ssh\namount=2\n[a-01]\nservices=ssh\n';

/** A directory with an INI file, and functions to run `build` in it. */
export interface BuildBench extends TestHost {
  readonly ini: string;
  /** The path of a state file that does not exist yet. */
  readonly out: string;
  build(...args: readonly string[]): Promise<Finished>;
  buildText(text: string, ...args: readonly string[]): Promise<Finished>;
  buildStream(text: string, ...args: readonly string[]): Promise<Finished>;
  /** Checks that the command failed with one line on stderr, no output, and no new files. */
  refused(finished: Finished, exit: 1 | 2, words: RegExp): void;
}

export function buildBench(): BuildBench {
  const host = testHost();
  const ini = join(host.directory, 'fleet.ini');
  const build = (...args: readonly string[]): Promise<Finished> => runHere(['build', ...args], {});
  return {
    ...host,
    ini,
    out: join(host.directory, 'state.json'),
    build,
    buildText: (text, ...args) => {
      // Another build may read it at this moment.
      writeFileSync(`${ini}.new`, text);
      renameSync(`${ini}.new`, ini);
      return build(ini, ...net, ...args);
    },
    buildStream: (text, ...args) => start(['build', '-', ...net, ...args], {}, undefined, text).finished,
    refused: ({ code, stdout, stderr }, exit, words) => {
      assert.deepEqual([code, stdout], [exit, ''], stderr);
      assert.match(stderr, words);
      assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
      const others = readdirSync(host.directory).filter((name) => name !== 'fleet.ini');
      assert.deepEqual(others, []);
    },
  };
}

export function deckiesOf({ code, stdout, stderr }: Finished): readonly BuiltDecky[] {
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as BuiltDecky[];
}
