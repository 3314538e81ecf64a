import { createContext } from '../../src/cli/context.ts';
import { createProgram } from '../../src/cli/program.ts';

/** The words of a shell's line, up to a redirection or a pipe. */
const wordsOf = (line: string): readonly string[] =>
  [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');

/** The command lines of `decnet-fleet` in an example. */
export const callsIn = (line: string): readonly (readonly string[])[] => {
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
export const idle = async () => {
  const program = await createProgram(createContext({}));
  const ran: string[] = [];
  for (const command of program.commands) command.action(() => void ran.push(command.name()));
  return { program, ran };
};
