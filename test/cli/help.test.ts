import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { examplesOf } from '../../src/cli/examples.ts';
import { cli } from '../harness/cli.ts';
import { callsIn, idle } from '../harness/command-lines.ts';

describe('the help of every command', async () => {
  const names = (await idle()).program.commands.map((command) => command.name());

  test('there are commands', () => assert.ok(names.length > 15, names.join()));

  for (const name of names)
    test(`${name}: has examples, and the program accepts them`, async () => {
      const examples = examplesOf(name);
      assert.ok(examples.length > 0);
      for (const [line, does] of examples) {
        assert.match(does, /^\w.*[^.]$/, line);
        const calls = callsIn(line);
        assert.equal(calls.at(-1)?.[0], name, line);
        for (const call of calls) {
          const { program, ran } = await idle();
          await program.parseAsync([...call], { from: 'user' });
          assert.deepEqual(ran, [call[0]], line);
        }
      }
    });

  test('shows them', async () => {
    const { stdout } = await cli(['wait', '--help'], {});
    assert.match(
      stdout,
      /\nExamples:\n {2}\$ decnet-fleet wait --for=converged --timeout 900 {2}until a deployment/,
    );
  });
});

describe('a near miss', () => {
  for (const [args, words] of [
    [['statsu'], /unknown command 'statsu'\n\(Did you mean status\?\)/],
    [['status', '--servce', 'ssh'], /\(Did you mean --service\?\)/],
    [['build', '--services', 'shh'], /--services "shh" is not valid\. Did you mean ssh\? Allowed: /],
  ] as const)
    test(`${args.join(' ')}: is suggested`, async () => {
      const { code, stderr } = await cli(args, {});
      assert.equal(code, 2);
      assert.match(stderr, words);
    });
});
