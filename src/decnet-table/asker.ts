import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { endsWithin } from '../lib/ends-within.ts';
import { reasonOf } from '../lib/errors.ts';
import type { DecnetAddress } from './address.ts';
import { errorOf, tableFault } from './faults.ts';
import type { Answer, Ask, Message } from './messages.ts';

/** Asks the thread. One question at a time. */
export interface Asker {
  /** How often a thread was started: a new one has forgotten what it sent. */
  readonly starts: number;
  /** @param untilMs on the clock of `performance` @throws FleetError DECNET_TABLE_FAILED */
  ask<K extends Answer['kind']>(
    ask: Ask,
    untilMs: number,
    kinds: readonly K[],
  ): Promise<Answer & { kind: K }>;
  close(): Promise<void>;
}

interface Waiting {
  readonly id: number;
  readonly done: (answer: Answer) => void;
  readonly fail: (error: Error) => void;
}

/** Milliseconds to close in. */
const closeWithinMs = 1000;

/** The thread is started by the first question. One that does not answer in time is ended, and the next question starts another. */
export function threadAsker(address: DecnetAddress): Asker {
  let thread: Worker | null = null;
  /** How many threads were asked to end and have not: they hang in a call of the system. */
  let ending = 0;
  let waiting: Waiting | null = null;
  let starts = 0;
  let lastId = 0;

  const settle = (given: (one: Waiting) => void): void => {
    const one = waiting;
    waiting = null;
    if (one !== null) given(one);
  };
  const end = async (one: Worker): Promise<void> => {
    if (thread === one) thread = null;
    ending += 1;
    await one.terminate();
    ending -= 1;
  };
  const start = (): Worker => {
    const one = newThread(address);
    starts += 1;
    one.on('message', (message: Message) => {
      if (thread !== one || waiting?.id !== message.id) return;
      settle((asked) =>
        'answer' in message ? asked.done(message.answer) : asked.fail(errorOf(message.fault)),
      );
    });
    const ended = (why: string) => {
      if (thread !== one) return;
      thread = null;
      settle((asked) => asked.fail(tableFault(address.location, `cannot be used: ${why}`)));
    };
    one.on('error', (error) => ended(reasonOf(error)));
    one.on('exit', () => ended('its thread has ended'));
    return one;
  };
  const ask = async (question: Ask, untilMs: number): Promise<Answer> => {
    const leftMs = untilMs - performance.now();
    if (leftMs <= 0 || ending > 0) throw noAnswer(address);
    thread ??= start();
    const asked = thread;
    asked.ref();
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Answer>((done, fail) => {
        waiting = { id: ++lastId, done, fail };
        timer = setTimeout(() => {
          waiting = null;
          void end(asked);
          fail(noAnswer(address));
        }, leftMs);
        asked.postMessage({ id: lastId, ask: question });
      });
    } finally {
      clearTimeout(timer);
      asked.unref();
    }
  };
  return {
    get starts() {
      return starts;
    },
    ask: async <K extends Answer['kind']>(question: Ask, untilMs: number, kinds: readonly K[]) => {
      const answer = await ask(question, untilMs);
      if (!isOf(answer, kinds)) throw new Error(`the thread answered ${answer.kind} to ${question.kind}`);
      return answer;
    },
    close: async () => {
      const open = thread;
      if (open === null) return;
      await ask({ kind: 'close' }, performance.now() + closeWithinMs).catch(() => undefined);
      if (thread === open) await endsWithin(closeWithinMs, end(open));
    },
  };
}

function newThread(address: DecnetAddress): Worker {
  const thread = new Worker(new URL(`./thread${extname(import.meta.url)}`, import.meta.url), {
    workerData: address,
    // Not those of the process. Older versions of Node call `node:sqlite` experimental.
    execArgv: ['--disable-warning=ExperimentalWarning'],
    env: {},
  });
  // It is no reason for the process to go on; a question is.
  thread.unref();
  return thread;
}

const isOf = <K extends Answer['kind']>(
  answer: Answer,
  kinds: readonly K[],
): answer is Answer & { kind: K } => (kinds as readonly string[]).includes(answer.kind);

const noAnswer = ({ kind, location }: DecnetAddress): Error =>
  tableFault(
    location,
    'does not answer',
    kind === 'sqlite'
      ? 'Check the disk that the file is on'
      : 'Check that the server is running and reachable',
  );
