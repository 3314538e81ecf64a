import { FleetError } from '../lib/errors.ts';

/** What asks for a password: the terminal, or a program that writes to stdin. */
export interface PasswordSource {
  readonly input: NodeJS.ReadStream;
  /** Writes a question to stderr. */
  ask(text: string): void;
}

/** Reads a password twice from the terminal without showing it, or the first line of stdin. @throws FleetError CONFIG_INVALID */
export async function readPassword({ input, ask }: PasswordSource): Promise<string> {
  if (!input.isTTY) return (await allOf(input)).split(/\r?\n/)[0] ?? '';
  // Before the first question and until the last answer: what is typed early is not shown either.
  input.setRawMode(true);
  try {
    const lines = typedLines(input);
    ask('Password: ');
    const first = await nextOf(lines);
    ask('\nAgain: ');
    const second = await nextOf(lines);
    ask('\n');
    if (first === second) return first;
  } finally {
    input.setRawMode(false);
    input.pause();
  }
  throw new FleetError('CONFIG_INVALID', 'The two passwords differ', { advice: 'Try again' });
}

/** More characters are not read. */
const longest = 10_000;

async function allOf(input: NodeJS.ReadStream): Promise<string> {
  let text = '';
  input.setEncoding('utf8');
  for await (const chunk of input) {
    text += String(chunk);
    if (text.length > longest) break;
  }
  return text;
}

async function nextOf(lines: AsyncIterator<string, void>): Promise<string> {
  const { value } = await lines.next();
  if (value === undefined) throw new FleetError('CONFIG_INVALID', 'No password was given');
  return value;
}

/** The lines that are typed on a terminal in raw mode, until Ctrl-C or Ctrl-D. */
async function* typedLines(input: NodeJS.ReadStream): AsyncGenerator<string, void> {
  let line = '';
  input.setEncoding('utf8');
  for await (const chunk of input.iterator({ destroyOnReturn: false }))
    for (const sign of String(chunk)) {
      if (sign === '\u0003' || sign === '\u0004') return;
      if (sign === '\r' || sign === '\n') {
        yield line;
        line = '';
      } else if (sign === '\u007f' || sign === '\b') line = [...line].slice(0, -1).join('');
      else if (line.length < longest) line += sign;
    }
}
