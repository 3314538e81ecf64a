import type { Command } from 'commander';
import { type App, openApp } from '../app/app.ts';
import { type Config, parseConfig } from '../app/config.ts';
import type { Environment } from '../lib/environment.ts';
import { reasonOf } from '../lib/errors.ts';
import { createLog, type Log, type LogLevel } from '../lib/log.ts';
import { standardOutput } from './output.ts';
import { jsonText, onScreen, type Screen, screenOf } from './text.ts';

/** What every command gets: its surroundings, and how to say something. */
export interface Context {
  readonly env: Environment;
  readonly screen: Screen;
  /** A line on stdout. */
  print(text: string): void;
  /** One JSON document on stdout. */
  printJson(value: unknown): void;
  /** Text on stdout as it is. */
  write(text: string): void;
  /** Resolves when what was printed has left this process. */
  written(): Promise<void>;
  /** A line on stderr. */
  note(text: string): void;
  /** What takes long says so on a terminal, and is wiped away. */
  progress(text: string | null): void;
  /** What the command ends with if it does not throw. */
  exitCode: number;
  /** Nothing more is printed. @returns whether all of it could be; what could not was told */
  printed(): Promise<boolean>;
}

/** A command is its options and its run. */
export type Register = (program: Command, context: Context) => void;

export function createContext(env: Environment): Context {
  const note = (text: string): void => void process.stderr.write(`${onScreen(text)}\n`);
  const output = standardOutput((error) =>
    note(`decnet-fleet: standard output cannot be written: ${reasonOf(error)}`),
  );
  return {
    env,
    screen: screenOf(process.stdout, env),
    print: (text) => output.write(`${onScreen(text)}\n`),
    printJson: (value) => output.write(`${jsonText(value)}\n`),
    write: output.write,
    written: output.written,
    note,
    progress: (text) => {
      if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text ?? ''}`);
    },
    exitCode: 0,
    printed: output.end,
  };
}

/**
 * Opens what the configuration names for the length of some work.
 * @param options.level of the log unless LOG_LEVEL is set: what a command prints itself it need not log as well
 */
export async function withApp(
  context: Context,
  work: (app: App) => Promise<void>,
  options: { level?: LogLevel } = {},
): Promise<void> {
  const config = parseConfig(context.env);
  const app = openApp(config, createLog(context.env.LOG_LEVEL ? config.logLevel : (options.level ?? 'warn')));
  try {
    await work(app);
  } finally {
    await app.close();
  }
}

/** A reader that went away (`| head`, the log's) ends nothing half-way. */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}

/**
 * Resolves at the first SIGINT, SIGTERM or SIGHUP, a second one ends the process at once; or when there is no reader any more
 * what is printed.
 */
export function untilStopped(log: Log): Promise<void> {
  return new Promise((done) => {
    let stopping = false;
    const stop = (signal: NodeJS.Signals): void => {
      // Of a terminal that is closed both the shell and the system tell.
      if (stopping && signal === 'SIGHUP') return;
      if (stopping) process.exit(1);
      stopping = true;
      log.debug({ signal }, 'stopping');
      done();
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
    process.on('SIGHUP', stop);
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') done();
    });
  });
}

export const hostOf = (config: Config, option: string | undefined): string => option ?? config.host;
