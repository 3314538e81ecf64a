import type { Explanation } from './explanation.ts';

interface ExitCode extends Explanation {
  /** Two or three words for a list: `exited, code 137 (killed)`. Null: the code says too little. */
  readonly short: string | null;
}

const readLog = 'Read its log: docker logs DECKY-SERVICE.';

/** The exit codes of containers that have a meaning of their own. */
const known: ReadonlyMap<number, ExitCode> = new Map([
  [
    0,
    {
      short: null,
      meaning: 'The main process of the container ended by itself and reported no error.',
      advice: `A service should not end. ${readLog} Check the command of its image.`,
    },
  ],
  [1, { short: null, meaning: 'The program ended with an error of its own.', advice: readLog }],
  [
    2,
    {
      short: null,
      meaning: 'The program ended with an error of its own, often wrong arguments.',
      advice: readLog,
    },
  ],
  [
    125,
    {
      short: null,
      meaning: 'Docker itself could not run the container.',
      advice: 'The reason is in: docker inspect -f "{{.State.Error}}" CONTAINER.',
    },
  ],
  [
    126,
    {
      short: 'command not executable',
      meaning: 'The command of the container was found and cannot be executed.',
      advice: "Check the permissions of the image's entry point, and that the image is for this processor.",
    },
  ],
  [
    127,
    {
      short: 'command not found',
      meaning: 'The command of the container does not exist in its image.',
      advice: 'Check the entry point and the version of the image.',
    },
  ],
  [
    128,
    {
      short: 'Docker could not start it',
      meaning: 'Docker could not start the container, for example because its base did not run yet.',
      advice: 'Start its base, then the container: docker start DECKY DECKY-SERVICE.',
    },
  ],
  [
    255,
    {
      short: null,
      meaning:
        'The program ended with an error of its own, or the engine was stopped without its containers.',
      advice: readLog,
    },
  ],
]);

interface Signal {
  readonly name: string;
  readonly short: string | null;
  /** Completes `Signal 9 (SIGKILL) ended it`. */
  readonly meaning: string;
  readonly advice: string;
}

/** An exit code above 128 is 128 plus the number of the signal. */
const signals: ReadonlyMap<number, Signal> = new Map([
  [1, { name: 'SIGHUP', short: null, meaning: 'its terminal or controller went away', advice: readLog }],
  [
    2,
    {
      name: 'SIGINT',
      short: 'interrupted',
      meaning: 'somebody interrupted it',
      advice: 'Start it again: docker start CONTAINER.',
    },
  ],
  [
    3,
    {
      name: 'SIGQUIT',
      short: null,
      meaning: 'it was asked to quit',
      advice: 'Start it again: docker start CONTAINER.',
    },
  ],
  [
    4,
    {
      name: 'SIGILL',
      short: null,
      meaning: 'it used an instruction that this processor does not have',
      advice: 'Check that the image is for this processor.',
    },
  ],
  [
    6,
    {
      name: 'SIGABRT',
      short: 'aborted',
      meaning: 'the program found an error in itself and aborted',
      advice: readLog,
    },
  ],
  [
    7,
    {
      name: 'SIGBUS',
      short: null,
      meaning: 'it used memory that does not exist',
      advice: `${readLog} Check the space in its volumes.`,
    },
  ],
  [8, { name: 'SIGFPE', short: null, meaning: 'an arithmetic error', advice: readLog }],
  [
    9,
    {
      name: 'SIGKILL',
      short: 'killed',
      meaning:
        'the kernel did, because it ran out of memory, or somebody killed it, or it did not stop in time',
      advice:
        'If docker inspect -f "{{.State.OOMKilled}}" CONTAINER says true, raise its limit of memory. Otherwise start it again: docker start CONTAINER.',
    },
  ],
  [
    11,
    {
      name: 'SIGSEGV',
      short: 'crashed, SIGSEGV',
      meaning: 'the program crashed: it used memory that is not its own',
      advice: `${readLog} Try another version of the image.`,
    },
  ],
  [13, { name: 'SIGPIPE', short: null, meaning: 'what reads its output went away', advice: readLog }],
  [
    15,
    {
      name: 'SIGTERM',
      short: 'terminated',
      meaning: 'it was asked to stop, as `docker stop` and a shutdown of the engine do',
      advice: 'If nobody stopped it on purpose, start it again: docker start CONTAINER.',
    },
  ],
]);

/** Any number that a process can end with is explained. Null: it cannot be an exit code. */
export function exitCodeExplanation(code: number): Explanation | null {
  if (!Number.isInteger(code) || code < 0 || code > 255) return null;
  const own = known.get(code);
  if (own !== undefined) return own;
  const number = code - 128;
  const signal = signals.get(number);
  if (signal !== undefined)
    return {
      meaning: `Signal ${number} (${signal.name}) ended it: ${signal.meaning}.`,
      advice: signal.advice,
    };
  if (number > 0 && number <= 64) return { meaning: `Signal ${number} ended it.`, advice: readLog };
  return {
    meaning: 'The program ended with an error of its own; the number is defined by the program.',
    advice: readLog,
  };
}

/** The meaning of an exit code in two or three words; null: it has none in general. */
export const exitCodeInShort = (code: number): string | null =>
  known.get(code)?.short ?? signals.get(code - 128)?.short ?? null;

/** The exit codes that are explained each by itself. */
export const explainedExitCodes: readonly number[] = [
  ...known.keys(),
  ...[...signals.keys()].map((signal) => 128 + signal),
].sort((a, b) => a - b);
