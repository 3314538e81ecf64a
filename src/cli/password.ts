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
  ask('Password: ');
  const first = await hiddenLine(input);
  ask('\nAgain: ');
  const second = await hiddenLine(input);
  ask('\n');
  if (first !== second)
    throw new FleetError('CONFIG_INVALID', 'The two passwords differ', { advice: 'Try again' });
  return first;
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

/** A line of a terminal that is not shown. */
function hiddenLine(input: NodeJS.ReadStream): Promise<string> {
  return new Promise((done, fail) => {
    let line = '';
    const stop = (): void => {
      input.off('data', hear);
      input.setRawMode(false);
      input.pause();
    };
    const hear = (chunk: string): void => {
      for (const sign of chunk) {
        const isEnd = sign === '\r' || sign === '\n';
        const isGivenUp = sign === '\u0003' || sign === '\u0004';
        if (isEnd || isGivenUp) {
          stop();
          if (isEnd) done(line);
          else fail(new FleetError('CONFIG_INVALID', 'No password was given'));
          return;
        }
        if (sign === '\u007f' || sign === '\b') line = [...line].slice(0, -1).join('');
        else if (line.length < longest) line += sign;
      }
    };
    input.setEncoding('utf8');
    input.setRawMode(true);
    input.on('data', hear);
    input.resume();
  });
}
