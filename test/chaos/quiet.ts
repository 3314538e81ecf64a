import { setTimeout as sleep } from 'node:timers/promises';
import type { QueueBackend } from '../../src/queue/backend.ts';
import { waitFor } from '../harness/wait.ts';
import type { WalkHost } from './host.ts';
import type { Ledger } from './ledger.ts';
import { isReached, stateOf } from './model.ts';
import type { Program } from './program.ts';

export interface Recorded {
  readonly name: string;
  readonly state: string;
  readonly services: readonly string[];
  /** Changes with each write. */
  readonly version: string;
}

/** Milliseconds within which there is exactly one schedule again. @see CONTRACT.md, "The queue" */
const schedulesWithinMs = 32_000;
/** Milliseconds: five times the promised time. */
const convergesWithin = 60_000;
const scheduledWithin = 150_000;

export type ReadRows = (host: string) => Promise<readonly Recorded[]>;

/** Waits until a host's rows match the contract. @returns the duration in milliseconds */
export async function converges(
  host: WalkHost,
  before: readonly Recorded[],
  rows: ReadRows,
  ledger: Ledger,
): Promise<number> {
  const from = performance.now();
  let wrong = 'its rows cannot be read';
  const agree = await waitFor(async () => {
    wrong = differences(host, before, await rows(host.name));
    return wrong === '';
  }, convergesWithin).then(
    () => true,
    () => false,
  );
  ledger.check(`${host.name} converges`, agree, () => wrong);
  return performance.now() - from;
}

/** The differences between the rows and the contract; empty: none. */
export function differences(
  { file, engine }: Pick<WalkHost, 'file' | 'engine'>,
  before: readonly Recorded[],
  rows: readonly Recorded[],
): string {
  const containers = engine.now();
  const at = Date.now();
  const desired = file.now();
  const found = new Map(rows.map((row) => [row.name, row]));
  if (desired.kind === 'declares' && desired.deckies.size > 0) {
    const wrong = [...desired.deckies].flatMap(([name, services]) => {
      const row = found.get(name);
      const state = stateOf(name, services, containers, at);
      if (row?.state === state && row.services.join() === services.join()) return [];
      return [
        `${name} is ${row?.state ?? 'not recorded'} (${row?.services ?? ''}), not ${state} (${services})`,
      ];
    });
    const more = rows
      .filter(({ name }) => !desired.deckies.has(name))
      .map(({ name }) => `${name} is recorded, and not desired`);
    return [...wrong, ...more].join('; ');
  }
  if (desired.kind === 'invalid') {
    const lost = before.filter(({ name }) => !found.has(name)).map(({ name }) => `${name} is lost`);
    const wrong = rows.flatMap(({ name, services, state }) => {
      const right = stateOf(name, services, containers, at);
      return right === state ? [] : [`${name} is ${state}, not ${right}`];
    });
    return [...lost, ...wrong].join('; ');
  }
  // The fleet was torn down: rows whose decky can be reached are held, others are deleted.
  const reached = ({ name, services }: Recorded): boolean => isReached(name, services, containers, at);
  return [
    ...rows.filter((row) => !reached(row)).map(({ name }) => `${name} is recorded, and nobody reaches it`),
    ...before
      .filter((row) => reached(row) && !found.has(row.name))
      .map(({ name }) => `${name} is reached, and is not held`),
  ].join('; ');
}

/** Checks that there is one schedule, whose next round is neither past nor far ahead, and that no queue grows. */
export async function scheduleIsSound(
  queues: QueueBackend,
  hosts: readonly WalkHost[],
  ledger: Ledger,
): Promise<void> {
  let wrong = 'the schedule cannot be read';
  const shortest = Math.min(...hosts.map(({ intervalSeconds }) => intervalSeconds)) * 1000;
  const isSound = await waitFor(async () => {
    const found = await queues.queue('schedule').getJobSchedulers();
    const [one] = found;
    wrong = JSON.stringify(found);
    const next = Number(one?.next) - Date.now();
    return (
      found.length === 1 &&
      Number(one?.every) <= Math.max(shortest, 30_000) &&
      next < 31_000 &&
      next > -31_000
    );
  }, scheduledWithin).then(
    () => true,
    () => false,
  );
  ledger.check('there is one schedule', isSound, () => wrong);
  for (const { name } of hosts) {
    let waiting = -1;
    const isEmpty = await waitFor(async () => {
      const queue = queues.queue(`reconcile.${name}`);
      waiting = (await queue.getWaitingCount()) + (await queue.getDelayedCount());
      return waiting <= 2;
    }, convergesWithin).then(
      () => true,
      () => false,
    );
    ledger.check(`the queue of ${name} does not fill`, isEmpty, () => `${waiting} jobs wait`);
  }
}

/** Checks that, without changes, passes continue as scheduled, write nothing, and need little CPU. */
export async function restsWell(parts: {
  hosts: readonly WalkHost[];
  programs: readonly Program[];
  rows: ReadRows;
  fullPassAt: (host: string) => Promise<number>;
  queues: QueueBackend;
  ledger: Ledger;
}): Promise<void> {
  const { hosts, programs, rows, fullPassAt, queues, ledger } = parts;
  const scheduled = hosts.filter(({ intervalSeconds }) => intervalSeconds < 60);
  const quietSince = performance.now();
  const sinceQuiet = (): number => performance.now() - quietSince;
  const intervals = 4;
  const restMs = Math.max(...scheduled.map(({ intervalSeconds }) => intervalSeconds)) * intervals * 1000;
  const before = await Promise.all(hosts.map(({ name }) => rows(name)));
  const used = programs.map((one) => one.processorSeconds());
  const passes = new Map(scheduled.map(({ name }) => [name, new Set<number>()]));
  const from = performance.now();
  const began = Date.now();
  while (performance.now() - from < restMs) {
    for (const [name, seen] of passes) seen.add(await fullPassAt(name));
    await sleep(100);
  }
  const seconds = (performance.now() - from) / 1000;
  for (const [at, one] of programs.entries()) {
    const share = (one.processorSeconds() - (used[at] ?? 0)) / seconds;
    ledger.check(
      `${one.name} rests`,
      share < 0.6,
      () => `it used ${share.toFixed(2)} of a processor for ${seconds.toFixed(0)} s`,
    );
  }
  for (const { name, intervalSeconds } of scheduled) {
    // The first pass is from before.
    const made = (passes.get(name)?.size ?? 0) - 1;
    const due = seconds / intervalSeconds;
    ledger.check(
      `${name} is served in each round`,
      made >= Math.floor(due / 2),
      () => `${made} full passes where ${due.toFixed(1)} were due`,
    );
    let twice = await scheduledSince(queues, name, began);
    let max = due + 2;
    if (twice > max && sinceQuiet() < schedulesWithinMs) {
      // A round of a removed schedule continues until its end.
      await sleep(schedulesWithinMs - sinceQuiet());
      const again = Date.now();
      await sleep(restMs);
      twice = await scheduledSince(queues, name, again);
      max = restMs / 1000 / intervalSeconds + 2;
    }
    ledger.check(
      `${name} is not served twice`,
      twice <= max,
      () => `${twice} scheduled passes where at most ${max.toFixed(1)} were due`,
    );
  }
  for (const [at, host] of hosts.entries()) {
    const now = await rows(host.name);
    // The end of a restart loop is a change without an action.
    const mayChange = host.engine.now().some(({ restarts }) => restarts >= 3);
    ledger.check(
      `${host.name}: a pass with nothing to do writes nothing`,
      mayChange || JSON.stringify(now) === JSON.stringify(before[at]),
      () => `${JSON.stringify(before[at])} became ${JSON.stringify(now)}`,
    );
  }
}

/** After a storm there are additional full passes: one for each restored connection. */
async function scheduledSince(queues: QueueBackend, host: string, since: number): Promise<number> {
  const jobs = await queues.queue(`reconcile.${host}`).getCompleted(0, 50);
  return jobs.filter((job) => job.data.cause === 'schedule' && (job.processedOn ?? 0) >= since).length;
}
