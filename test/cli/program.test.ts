import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createContext } from '../../src/cli/context.ts';
import { createProgram, neededCommands } from '../../src/cli/program.ts';
import { runHere } from '../harness/run-here.ts';

test('a command line needs only the commands that it names', () => {
  assert.deepEqual(neededCommands(['status', '--broken']), ['status']);
  assert.deepEqual(neededCommands(['--config', 'fleet.yaml', 'up']), ['up']);
  assert.deepEqual(neededCommands(['help', 'plan']), ['plan']);
  assert.deepEqual(neededCommands(['--help']), []);
  assert.deepEqual(neededCommands(['statsu', 'toString']), []);
});

test('the help lists the same commands whether they are loaded or not', async () => {
  const all = await createProgram(createContext({}));
  const none = await createProgram(createContext({}), []);
  assert.equal(none.helpInformation(), all.helpInformation());
  assert.deepEqual(
    neededCommands(['completion', 'bash']),
    all.commands.map((command) => command.name()),
  );
});

test('a command is found by a similar name although it is not loaded', async () => {
  const { code, stderr } = await runHere(['statsu'], {});
  assert.equal(code, 2);
  assert.match(stderr, /unknown command 'statsu'[\s\S]*Did you mean status/);
});

test('`help <command>` and `<command> --help` show the same', async () => {
  const { stdout } = await runHere(['help', 'plan'], {});
  assert.match(stdout, /^Usage: decnet-fleet plan \[options\]\n[\s\S]*--host <host>[\s\S]*Examples:/);
  assert.equal((await runHere(['plan', '--help'], {})).stdout, stdout);
});
