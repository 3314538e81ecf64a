import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { hostOfQueue, jobDataSchema, queueName, scheduleQueue } from '../fleet/job.ts';
import { reasonOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { QueueBackend } from '../queue/backend.ts';
import type { HostView, Report } from '../views/report.ts';
import { type LeftOut, leftOutLog, type ReadableQueue, readableQueue } from './left-out.ts';
import { hostPath } from './words.ts';

/** Bull Board queries each of its queues at every poll. */
const maxQueues = 200;
const openedKept = 20;
/** A host with a change within this time counts as busy, in milliseconds. */
const busyWithinMs = 5 * 60_000;
const transitionsRead = 1000;

export interface BoardQueuesOptions {
  /** The path at which a proxy serves the dashboard; empty: none. */
  readonly base: string;
  readonly canChange: boolean;
  readonly log: Log;
  /** Puts these queues on the board, instead of those before. */
  show(queues: readonly BullMQAdapter[]): void;
}

/** The queues on the board: the schedule's, and those of the hosts. */
export class BoardQueues {
  readonly #queues: Pick<QueueBackend, 'impatientQueue'>;
  readonly #report: Pick<Report, 'hosts' | 'history'>;
  readonly #options: BoardQueuesOptions;
  readonly #logLeftOut: (now: readonly LeftOut[]) => void;
  readonly #known = new Map<string, ReadableQueue>();
  #onBoard: readonly ReadableQueue[] = [];
  /** The hosts whose queues were opened last, newest first. */
  #opened: readonly string[] = [];
  #shown = '';

  constructor(
    queues: Pick<QueueBackend, 'impatientQueue'>,
    report: Pick<Report, 'hosts' | 'history'>,
    options: BoardQueuesOptions,
  ) {
    this.#queues = queues;
    this.#report = report;
    this.#options = options;
    this.#logLeftOut = leftOutLog(options.log);
    this.#show([scheduleQueue]);
  }

  /** Updates the queues on the board. Without an answer of the database they stay as they are. */
  async update(): Promise<void> {
    try {
      const since = new Date(Date.now() - busyWithinMs).toISOString();
      const [hosts, { transitions }] = await Promise.all([
        this.#report.hosts(null),
        this.#report.history({ host: null, decky: null, since, limit: transitionsRead }),
      ]);
      const busy = new Set(transitions.map(({ host_uuid }) => host_uuid));
      this.#show([scheduleQueue, ...queuesToShow(hosts, { opened: this.#opened, busy })]);
    } catch (error) {
      this.#options.log.debug(
        { reason: reasonOf(error) },
        'cannot update the queues of Bull Board; keeping the current ones',
      );
    }
  }

  /** Puts a host's queue on the board for the next minutes. */
  async open(host: string): Promise<void> {
    this.#opened = [host, ...this.#opened.filter((one) => one !== host)].slice(0, openedKept);
    await this.update();
  }

  /** Repeats the reads that failed. */
  readonly retry = joined(async () => void (await Promise.all(this.#onBoard.map((queue) => queue.retry()))));

  /** Reads everything that a list of queues shows. */
  readonly refreshAll = joined(async () => {
    await Promise.all(this.#onBoard.map((queue) => queue.refresh()));
    await this.retry();
  });

  /** The queues and jobs that cannot be read. Those that are new are logged. */
  leftOut(): readonly LeftOut[] {
    const found = this.#onBoard.flatMap((queue) => queue.leftOut());
    this.#logLeftOut(found);
    return found;
  }

  /** The names of the queues that cannot be read. */
  unreadable(): ReadonlySet<string> {
    return new Set(this.#onBoard.flatMap((queue) => (queue.isReadable() ? [] : queue.adapter.getName())));
  }

  /** The names of the queues on the board. */
  names(): readonly string[] {
    return this.#onBoard.map(({ adapter }) => adapter.getName());
  }

  isAnyReadable(): boolean {
    return this.#onBoard.some((queue) => queue.isReadable());
  }

  #show(names: readonly string[]): void {
    const key = names.join(' ');
    if (key === this.#shown) return;
    this.#shown = key;
    this.#onBoard = names.map((name) => this.#readable(name));
    this.#options.show(this.#onBoard.map(({ adapter }) => adapter));
  }

  #readable(name: string): ReadableQueue {
    const existing = this.#known.get(name);
    if (existing !== undefined) return existing;
    const queue = this.#queues.impatientQueue(name);
    const host = hostOfQueue(name);
    const adapter = new BullMQAdapter(queue, {
      readOnlyMode: !this.#options.canChange,
      displayName: host ?? name,
      description: host === null ? 'enqueues a pass for each host' : `${name}: passes of this host`,
      ...(host === null
        ? {}
        : {
            jobDataSchema: jobDataSchema(host),
            externalJobUrl: () => ({
              displayText: `host ${host}`,
              href: `${this.#options.base}${hostPath(host)}`,
            }),
          }),
    });
    const made = readableQueue(queue, adapter);
    this.#known.set(name, made);
    return made;
  }
}

/** Joins calls: a call during a run waits for that run instead of starting another. */
function joined(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  return () =>
    (running ??= work().finally(() => {
      running = null;
    }));
}

/** The queues of all hosts. With too many hosts: those opened last, then those with problems, then busy ones. */
export function queuesToShow(
  hosts: readonly HostView[],
  lately: { opened: readonly string[]; busy: ReadonlySet<string> },
): readonly string[] {
  const isBroken = ({ stale, stopped, paused, last_error, docker, contested }: HostView): boolean =>
    stale ||
    stopped !== null ||
    paused !== null ||
    last_error !== null ||
    docker === 'unreachable' ||
    contested.length > 0;
  const names = (some: readonly HostView[]): readonly string[] => some.map(({ host_uuid }) => host_uuid);
  // A host that never had a worker has no queue.
  const served = hosts.filter(({ first_seen_at }) => first_seen_at !== null);
  const known = new Set(names(served));
  const chosen =
    served.length <= maxQueues
      ? names(served)
      : [
          ...lately.opened.filter((host) => known.has(host)),
          ...names(served.filter(isBroken)),
          ...[...lately.busy].filter((host) => known.has(host)),
        ];
  return [...new Set(chosen)].slice(0, maxQueues).sort().map(queueName);
}
