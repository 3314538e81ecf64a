import type { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { Queue } from 'bullmq';
import { reasonOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { problemChanges } from '../lib/outage-log.ts';
import { printable, shortened } from '../lib/text.ts';
import { Html, html } from './html.ts';

/** The maximum number of queues or jobs in one message. */
const maxNamed = 10;

/** A queue or job that Bull Board cannot read, and why. */
export interface LeftOut {
  /** The name of the queue, or of the queue and the job. */
  readonly name: string;
  readonly reason: string;
}

interface Fault {
  readonly reason: string;
  readonly again: () => Promise<unknown>;
  /** Null: the whole queue cannot be read. */
  readonly job: string | null;
}

/** A queue of Bull Board that returns empty values when it cannot be read, so that the other queues are still shown. */
export interface ReadableQueue {
  readonly adapter: BullMQAdapter;
  leftOut(): readonly LeftOut[];
  isReadable(): boolean;
  /** Repeats the reads that failed. */
  retry(): Promise<void>;
  /** Reads everything that a list of queues shows. */
  refresh(): Promise<void>;
}

export function readableQueue(queue: Queue, adapter: BullMQAdapter): ReadableQueue {
  const faults = new Map<string, Fault>();
  const read = async <T>(
    what: string,
    ask: () => Promise<T> | T,
    nothing: T,
    job: string | null = null,
  ): Promise<T> => {
    try {
      const found = await ask();
      faults.delete(what);
      return found;
    } catch (error) {
      const reason = printable(reasonOf(error)).replace(/ script: .*/, '');
      faults.set(what, { reason, job, again: () => read(what, ask, nothing, job) });
      return nothing;
    }
  };
  const ask = {
    counts: adapter.getJobCounts.bind(adapter),
    isPaused: adapter.isPaused.bind(adapter),
    concurrency: adapter.getGlobalConcurrency.bind(adapter),
    schedules: adapter.getJobSchedulersCount.bind(adapter),
    schedulers: adapter.getJobSchedulers.bind(adapter),
  };
  const forgiving = Object.assign(adapter, {
    getJobCounts: () => read('counts', ask.counts, {}),
    isPaused: () => read('paused', ask.isPaused, false),
    getGlobalConcurrency: () => read('concurrency', ask.concurrency, null),
    getJobSchedulersCount: () => read('schedules', ask.schedules, 0),
    getJobSchedulers: () => read('schedulers', ask.schedulers, []),
    // One by one: a job that cannot be read, or is too large, does not hide the others.
    getJobs: async (...[statuses, start, end]: Parameters<typeof adapter.getJobs>) => {
      const types = statuses.filter((status) => status !== 'paused');
      const ids = await read('jobs', () => queue.getRanges(types, start, end), []);
      const jobs = ids.map((id) => read(`job ${id}`, () => queue.getJob(id), undefined, id));
      return (await Promise.all(jobs)).filter((job) => job !== undefined);
    },
  });
  const isReadable = (): boolean => [...faults.values()].every(({ job }) => job !== null);
  forgiving.setVisibilityGuard(isReadable);
  return {
    adapter: forgiving,
    isReadable,
    leftOut: () => {
      const found = [...faults.values()];
      const whole = found.find(({ job }) => job === null);
      return whole !== undefined
        ? [{ name: queue.name, reason: whole.reason }]
        : found.map(({ job, reason }) => ({
            name: `${queue.name}, ${jobInWords(job ?? '')}`,
            reason,
          }));
    },
    retry: async () => {
      await Promise.all([...faults.values()].map(({ again }) => again()));
    },
    refresh: async () => {
      await Promise.all([
        forgiving.getJobCounts(),
        forgiving.isPaused(),
        forgiving.getGlobalConcurrency(),
        forgiving.getJobSchedulersCount(),
      ]);
    },
  };
}

/** Logs once when something is left out, and once when it is readable again. */
export function leftOutLog(log: Log) {
  const changes = problemChanges(({ name }: LeftOut) => name);
  return (now: readonly LeftOut[]): void => {
    const { began, ended } = changes(now);
    if (began.length > 0)
      log.warn(named(began.map(inWords)), 'queues or jobs cannot be read; Bull Board leaves them out');
    if (ended.length > 0) log.info(named(ended), 'Bull Board shows these queues or jobs again');
  };
}

const inWords = ({ name, reason }: LeftOut): string => `${name}: ${reason}`;
const named = (texts: readonly string[]): { readonly what: string; readonly more: number } => ({
  what: texts.slice(0, maxNamed).join('; '),
  more: Math.max(0, texts.length - maxNamed),
});

/** A job's name in messages. Whoever may write the queue chooses the id, and its length. */
export const jobInWords = (id: string): string => `job ${shortened(printable(id), 100)}`;

/** Says which queues or jobs are left out; null: none. */
export function notShown(found: readonly LeftOut[]): Html | null {
  if (found.length === 0) return null;
  const { what, more } = named(found.map(inWords));
  return html`Not shown, because it cannot be read: ${what}${more > 0 && ` and ${more} more`}.`;
}

/** The notice on Bull Board's page about queues and jobs that are left out; null: none. */
export function leftOutLine(found: readonly LeftOut[]): Html | null {
  const text = notShown(found);
  return (
    text &&
    html`${new Html(lineStyle)}<p id="left-out" role="status">${text} Everything else is shown. This page retries automatically.</p>`
  );
}

/** Makes room for the notice: Bull Board's header is fixed, and its height depends on this variable. */
const lineStyle = `<style>
:root,.dark-mode{--header-offset:calc(var(--header-height) + 3rem)}
#root header{padding-top:3rem}
#left-out{position:fixed;z-index:999;top:0;left:0;right:0;height:3rem;box-sizing:border-box;margin:0;padding:.25rem 1rem;overflow:auto;background:#fde68a;color:#1f2937;font:.875rem/1.25rem sans-serif}
</style>`;
