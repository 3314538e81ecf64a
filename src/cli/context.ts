import type { Command } from 'commander';
import type { App } from '../app/app.ts';
import type { Config } from '../app/config.ts';
import type { Environment } from '../lib/environment.ts';
import { reasonOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { LogLevel } from '../lib/log-options.ts';
import { type Output, standardOutput } from './output.ts';
import { jsonText, onScreen, type Screen, screenOf } from './text.ts';

/** What every command receives: the environment, the terminal and the output. */
export interface Context {
  /** `--config` and options that set what a variable sets change it, before the command runs. */
  env: Environment;
  /** Whether errors are printed with their stack. */
  showsStacks: boolean;
  readonly screen: Screen;
  /** Prints a line on stdout. */
  print(text: string): void;
  /** Prints one JSON document on stdout. */
  printJson(value: unknown): void;
  /** Writes text to stdout unchanged. */
  write(text: string): void;
  /** Resolves when everything printed so far has left this process. */
  written(): Promise<void>;
  /** Prints a line on stderr. */
  note(text: string): void;
  /** Writes text to stderr unchanged. */
  writeError(text: string): void;
  /** Shows a progress message on a terminal, in place of the previous one; null removes it. */
  progress(text: string | null): void;
  /** The exit code of the command if it does not throw. */
  exitCode: number;
  /** Ends the output. @returns whether everything was printed; a failure has been reported on stderr */
  printed(): Promise<boolean>;
}

/** Adds its arguments, options and action to a command. */
export type Register = (command: Command, context: Context) => void;

/** The output streams of a command. */
export interface Streams {
  readonly screen: Screen;
  /** @param onFault called once, with the error of the first write that failed */
  output(onFault: (error: unknown) => void): Output;
  writeError(text: string): void;
  /** Whether stderr is a terminal. */
  readonly showsProgress: boolean;
}

const streamsOfProcess = (env: Environment): Streams => ({
  screen: screenOf(process.stdout, env),
  output: standardOutput,
  writeError: (text) => void process.stderr.write(text),
  showsProgress: process.stderr.isTTY,
});

export function createContext(env: Environment, streams: Streams = streamsOfProcess(env)): Context {
  const { writeError, showsProgress } = streams;
  const note = (text: string): void => writeError(`${onScreen(text)}\n`);
  const output = streams.output((error) =>
    note(`decnet-fleet: standard output cannot be written: ${reasonOf(error)}`),
  );
  return {
    env,
    showsStacks: env.LOG_LEVEL === 'debug',
    screen: streams.screen,
    print: (text) => output.write(`${onScreen(text)}\n`),
    printJson: (value) => output.write(`${jsonText(value)}\n`),
    write: output.write,
    written: output.written,
    note,
    writeError,
    progress: (text) => {
      if (showsProgress) writeError(`\r\u001b[K${text ?? ''}`);
    },
    exitCode: 0,
    printed: output.end,
  };
}

/**
 * Runs `work` with an open app, and closes the app afterwards.
 * @param options.level the log level unless LOG_LEVEL is set; a command need not log what it prints
 * @param options.isLongLived whether the command runs until it is stopped: it logs what is odd in its configuration
 */
export async function withApp(
  context: Context,
  work: (app: App) => Promise<void>,
  options: { level?: LogLevel; isLongLived?: boolean } = {},
): Promise<void> {
  // Loaded here, so that the help does without them.
  const [{ openApp }, { parseConfig }, { createLog }] = await Promise.all([
    import('../app/app.ts'),
    import('../app/config.ts'),
    import('../lib/log.ts'),
  ]);
  const config = parseConfig(context.env);
  const level = config.sources.values.has('LOG_LEVEL') ? config.logLevel : (options.level ?? 'warn');
  context.showsStacks = level === 'debug';
  const app = openApp(config, createLog(level, config.logFormat, context.writeError));
  if (options.isLongLived) for (const warning of config.warnings) app.log.warn(warning);
  try {
    await work(app);
  } finally {
    await app.close();
  }
}

/** Ignores errors of stdout and stderr: a reader that went away (`| head`) must not end the process. */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}

/**
 * Resolves at the first SIGINT, SIGTERM or SIGHUP, or when the reader of stdout has gone away. A second signal ends the process
 * immediately.
 */
export function untilStopped(log: Log): Promise<void> {
  return new Promise((done) => {
    let stopping = false;
    const stop = (signal: NodeJS.Signals): void => {
      // When a terminal is closed, both the shell and the kernel send SIGHUP.
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
