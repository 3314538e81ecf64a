import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Env, type Running, start } from '../harness/cli.ts';
import type { Ledger } from './ledger.ts';

/** The time limit for a process to end after a signal; five times the promised time. */
const endsWithinMs = 60_000;

/** One process of the product, which only the walk starts, stops and suspends. */
export interface Program {
  readonly name: string;
  /** Its output since the last start. */
  output(): string;
  isRunning(): boolean;
  start(): void;
  /** SIGKILL, as in a power failure. */
  kill(): Promise<void>;
  /** SIGTERM, as systemd sends it. */
  terminate(): Promise<void>;
  /** Suspends and resumes it. */
  hold(ms: number): Promise<void>;
  /** Seconds of processor time that it has used since its start. */
  processorSeconds(): number;
}

export function program(
  name: string,
  args: readonly string[],
  env: Env,
  file: string,
  ledger: Ledger,
): Program {
  let running: Running | null = null;
  let isEndMeant = false;
  let isYoung = (): boolean => false;
  const run = (): Running => {
    if (running === null) throw new Error(`${name} does not run`);
    return running;
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (running === null) return;
    const ending = running;
    isEndMeant = true;
    const asked = performance.now();
    const wasYoung = isYoung();
    ending.child.kill(signal);
    const late = setTimeout(() => ending.child.kill('SIGKILL'), endsWithinMs);
    const { code } = await ending.finished;
    clearTimeout(late);
    if (signal !== 'SIGTERM') return;
    const took = performance.now() - asked;
    ledger.check(
      `${name} ends when it is asked to`,
      took < endsWithinMs,
      () => `it took ${Math.round(took)} ms`,
    );
    // A process without signal handlers yet is ended by the signal itself.
    const hasBegun = !wasYoung || ending.output() !== '';
    ledger.check(
      `${name} ends with 0`,
      code === 0 || took >= endsWithinMs || (code === null && !hasBegun),
      () => `${code}\n${ending.output().slice(-2000)}`,
    );
  };
  return {
    name,
    output: () => running?.output() ?? '',
    isRunning: () => running !== null,
    start: () => {
      if (running !== null) return;
      const started = start(args, env, file);
      running = started;
      isEndMeant = false;
      const begun = performance.now();
      isYoung = () => performance.now() - begun < 10_000;
      for (const stream of [started.child.stdout, started.child.stderr])
        stream?.on('data', (text: string) => ledger.log(name, text));
      void started.finished.then(({ code }) => {
        running = null;
        const output = started.output();
        ledger.log(name, `=== ended with ${code}\n`);
        ledger.check(
          `${name} keeps running`,
          isEndMeant,
          () => `it ended with ${code}\n${output.slice(-3000)}`,
        );
        ledger.check(`${name} prints no stack`, !hasStack(output), () => stackIn(output));
      });
    },
    kill: () => end('SIGKILL'),
    terminate: () => end('SIGTERM'),
    hold: async (ms) => {
      const held = running;
      held?.child.kill('SIGSTOP');
      await sleep(ms);
      held?.child.kill('SIGCONT');
    },
    processorSeconds: () => {
      const stat = readFileSync(`/proc/${run().child.pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      // utime and stime, in ticks of a hundredth of a second. @see proc(5)
      return (Number(fields[11]) + Number(fields[12])) / 100;
    },
  };
}

const stackLine = /^\s+at .*(?:node:|\.[jt]s:\d)/m;
export const hasStack = (output: string): boolean => stackLine.test(output) || /nhandled/.test(output);
const stackIn = (output: string): string => {
  const at = output.search(stackLine);
  return output.slice(Math.max(0, at - 500), at + 1500);
};
