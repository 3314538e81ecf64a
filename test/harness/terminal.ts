import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../../src/lib/package.ts';
import type { Env } from './cli.ts';
import { findProgram } from './program.ts';
import { waitFor } from './wait.ts';

/** `decnet-fleet` on a terminal of its own. */
export interface OnTerminal {
  readonly child: ChildProcess;
  /** What the terminal has received so far, the begin of a control sequence as `␛`. */
  screen(): string;
  said(pattern: RegExp): Promise<string>;
  readonly finished: Promise<{ code: number | null; screen: string }>;
}

export const noTerminal = (await findProgram('script')) === null && 'there is no `script` on this machine';

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Starts a command on a pseudo-terminal, which util-linux's `script` makes. */
export function onTerminal(
  args: readonly string[],
  env: Env,
  { columns = 100, rows = 40 }: { columns?: number; rows?: number } = {},
): OnTerminal {
  const program = [process.execPath, join(packageRoot, 'src/cli/bin.ts'), ...args].map(quoted).join(' ');
  const line = `stty cols ${columns} rows ${rows}; exec ${program}`;
  const child = spawn('script', ['-qefc', line, '/dev/null'], {
    env: {
      PATH: process.env.PATH,
      HOME: '/nonexistent',
      LANG: 'C.UTF-8',
      TERM: 'xterm-256color',
      SHELL: '/bin/sh',
      ...env,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk.replaceAll('\u001b', '␛');
  });
  return {
    child,
    screen: () => text,
    said: async (pattern) => {
      await waitFor(() => {
        if (pattern.test(text)) return true;
        throw new Error(`never on the screen: ${pattern}:\n${text}`);
      });
      return text;
    },
    finished: new Promise((done) => {
      child.once('close', (code) => done({ code, screen: text }));
    }),
  };
}
