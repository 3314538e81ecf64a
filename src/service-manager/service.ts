import { hungBecause, type ProgressLimits, progressLimits } from '../fleet/progress.ts';
import { reasonOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { once } from '../lib/once.ts';
import { oneByOne } from '../lib/one-by-one.ts';
import { outageLog } from '../lib/outage-log.ts';
import { printable, shortened } from '../lib/text.ts';
import { reportTo, type ServiceManager } from './notify.ts';

/** What a check of a running process finds. */
export interface Finding {
  /** Jobs wait, and no process runs one. */
  readonly waits?: boolean;
  /** The pages do not answer. */
  readonly silent?: boolean;
}

/** Checks the process. @throws Error when a store does not answer: the process waits, which is no fault of its own */
export type Check = () => Promise<Finding>;

/** What a role reports to the service manager. */
export interface Service {
  /** Runs work that must end. @param name such as `pass` @param text its result, for the status */
  watched<T>(name: string, work: () => Promise<T>, text: (result: T) => string): Promise<T>;
  /** The same call; while it fails, the status names the reason. */
  waitingFor(ask: () => Promise<void>): () => Promise<void>;
  /** From now on the role is served. @param status the status until the first work has ended */
  ready(status: string, check: Check): void;
  stopping(): Promise<void>;
  close(): Promise<void>;
}

export interface ServiceTimes {
  /** Between two messages. */
  readonly everyMs: number;
  readonly limits: ProgressLimits;
}

/** Without a watchdog only the status is sent, and this often. */
const statusEveryMs = 20_000;
const longestStatus = 200;

/** A third: one message may get lost. */
const usualTimes = ({ watchdogMs }: ServiceManager): ServiceTimes => ({
  everyMs: watchdogMs === null ? statusEveryMs : watchdogMs / 3,
  limits: progressLimits,
});

const timeText = (): string => `${new Date().toISOString().slice(11, 19)} UTC`;

/**
 * Reports to the service manager: the start, a status, and signs of life while there is progress. A process that waits for a
 * store is alive; one whose work does not end, or whose event loop stands still, sends no sign of life and is restarted.
 */
export function startService(
  manager: ServiceManager,
  log: Log,
  { everyMs, limits }: ServiceTimes = usualTimes(manager),
): Service {
  const state = serviceState();
  const unsent = outageLog((error) =>
    log.warn({ error }, 'the service manager cannot be notified; retrying'),
  );
  const hung = outageLog<string>(
    (reason) => log.error({ reason }, 'no progress; the service manager restarts this process'),
    () => log.info('progress again'),
  );
  // In their order: a sign of life after the stop would be a false one.
  const inOrder = oneByOne();
  let isClosed = false;
  const send = (assignments: readonly string[]): Promise<void> => {
    if (isClosed) return Promise.resolve();
    const status = shortened(printable(state.text()), longestStatus);
    return inOrder(() =>
      reportTo(manager, [...assignments, `STATUS=${status}`]).then(unsent.works, unsent.failed),
    );
  };
  const tick = async (): Promise<void> => {
    // The watchdog begins with the start; until then the time limit of the start counts.
    if (!state.isReady()) return send([`EXTEND_TIMEOUT_USEC=${Math.round(everyMs * 3000)}`]);
    await state.check();
    const because = hungBecause(state.progress(), limits);
    if (because === null) hung.works();
    else hung.failed(because);
    await send(because === null ? ['WATCHDOG=1'] : []);
  };
  let isSending = false;
  const timer = setInterval(() => {
    if (isSending) return;
    isSending = true;
    void tick().finally(() => {
      isSending = false;
    });
  }, everyMs);
  void send([]);
  return {
    watched: state.watched,
    waitingFor: state.waitingFor,
    ready: (status, check) => {
      state.ready(status, check);
      void send(['READY=1']);
    },
    stopping: once(() => {
      clearInterval(timer);
      state.says('Stopping');
      const sent = send(['STOPPING=1']);
      isClosed = true;
      return sent;
    }),
    close: async () => {
      clearInterval(timer);
      isClosed = true;
      await inOrder(async () => undefined);
    },
  };
}

/** What is known of the progress of this process. */
function serviceState() {
  let status = 'Starting';
  let waitsFor: string | null = null;
  /** One for each role of this process. */
  const checks: Check[] = [];
  /** When each piece of work in progress began. */
  const running = new Set<{ readonly since: number }>();
  let waitingSince: number | null = null;
  let silentSince: number | null = null;
  const age = (since: number | null | undefined): number | null =>
    since === null || since === undefined ? null : performance.now() - since;

  const found = (findings: readonly Finding[]): void => {
    waitsFor = null;
    const waits = findings.some((one) => one.waits === true);
    const silent = findings.some((one) => one.silent === true);
    waitingSince = waits && running.size === 0 ? (waitingSince ?? performance.now()) : null;
    silentSince = silent ? (silentSince ?? performance.now()) : null;
  };
  return {
    isReady: () => checks.length > 0,
    text: () => (waitsFor === null ? status : `Waiting: ${waitsFor}`),
    says: (text: string): void => {
      status = text;
      waitsFor = null;
    },
    ready: (text: string, how: Check): void => {
      if (status === 'Starting') status = text;
      waitsFor = null;
      checks.push(how);
    },
    check: (): Promise<void> =>
      Promise.all(checks.map((one) => one())).then(found, (error: unknown) => {
        found([]);
        waitsFor = reasonOf(error);
      }),
    progress: () => ({
      runningMs: age([...running][0]?.since),
      waitingMs: age(waitingSince),
      silentMs: age(silentSince),
    }),
    watched: async <T>(name: string, work: () => Promise<T>, text: (result: T) => string): Promise<T> => {
      const one = { since: performance.now() };
      running.add(one);
      // Jobs are taken.
      waitingSince = null;
      try {
        const result = await work();
        status = `Last ${name} ${timeText()}: ${text(result)}`;
        return result;
      } catch (error) {
        status = `Last ${name} ${timeText()} failed: ${reasonOf(error)}`;
        throw error;
      } finally {
        running.delete(one);
      }
    },
    waitingFor: (ask: () => Promise<void>) => async (): Promise<void> => {
      try {
        await ask();
        waitsFor = null;
      } catch (error) {
        waitsFor = reasonOf(error);
        throw error;
      }
    },
  };
}
