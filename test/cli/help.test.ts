import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createContext } from '../../src/cli/context.ts';
import { examplesOf } from '../../src/cli/examples.ts';
import { createProgram } from '../../src/cli/main.ts';
import { cli } from '../harness/cli.ts';

/** The words of a shell's line, up to a redirection or a pipe. */
const wordsOf = (line: string): readonly string[] =>
  [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');

/** The command lines of `decnet-fleet` in an example. */
const callsIn = (line: string): readonly (readonly string[])[] => {
  const calls: string[][] = [];
  let call: string[] | null = null;
  for (const word of wordsOf(line)) {
    if (word === 'decnet-fleet') {
      call = [];
      calls.push(call);
    } else if (word === '|' || word === '>') call = null;
    else if (call !== null) call.push(word);
  }
  return calls;
};

/** A command line whose commands do nothing. */
const idle = () => {
  const program = createProgram(createContext({}));
  const ran: string[] = [];
  for (const command of program.commands) command.action(() => void ran.push(command.name()));
  return { program, ran };
};

describe('the help of every command', () => {
  const names = idle().program.commands.map((command) => command.name());

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
          const { program, ran } = idle();
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
