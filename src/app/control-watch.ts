import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlFacts } from '../fleet/incidents/facts.ts';
import { queueName, scheduleQueue } from '../fleet/job.ts';
import { returnsWithinMs } from '../fleet/pause.ts';
import { withinLimit } from '../lib/within-limit.ts';
import type { ControlWatch } from '../notify/notifier.ts';
import type { QueueBackend } from '../queue/backend.ts';

/** Milliseconds between two checks. */
const everyMs = 4000;
/** The time limit of a check in milliseconds: a lost store is reported soon. */
const answersWithinMs = 3000;
/** How often in a row a check fails before the part counts as lost: one failure may be a connection that is replaced. */
const lostAfter = { queues: 2, scheduler: 3 };
/** Queues that are asked whether they are paused, at most, in each check. */
const queuesAtMost = 200;

type Backend = Pick<QueueBackend, 'location' | 'check' | 'countWorkers' | 'impatientQueue'>;

/** Follows the parts of the control plane that are not in the database: the store of the queues, the schedule, paused queues. */
export function watchControl(backend: Backend): ControlWatch & { close(): Promise<void> } {
  const stopping = new AbortController();
  const queues = lossOf(lostAfter.queues);
  const scheduler = lossOf(lostAfter.scheduler);
  let checks = 0;
  let silent: readonly string[] = [];
  let paused: ReadonlyMap<string, Paused> = new Map();
  const check = async (): Promise<void> => {
    const answers = await succeeds(() => withinLimit(() => backend.check(), answersWithinMs));
    queues.checked(answers);
    checks += 1;
    if (!answers) return;
    // Without a limit it would wait until the store is back.
    const count = await withinLimit(() => backend.countWorkers(scheduleQueue), answersWithinMs).catch(
      () => null,
    );
    if (count !== null) scheduler.checked(count > 0);
    paused = await pausedOf(backend, silent.slice(0, queuesAtMost), paused);
  };
  const running = (async () => {
    while (!stopping.signal.aborted) {
      await check().catch(() => undefined);
      await sleep(everyMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();
  return {
    facts: (): ControlFacts => ({
      queuesLostAt: queues.lostAt(),
      queuesBackAt: queues.backAt(),
      queuesLocation: backend.location,
      schedulerLostAt: scheduler.lostAt(),
      isOld: checks < lostAfter.scheduler,
      undeliveredSince: null,
      paused: new Map([...paused].map(([host, { since }]) => [host, since])),
    }),
    silent: (hosts) => {
      silent = hosts;
    },
    close: async () => {
      stopping.abort();
      await running;
    },
  };
}

const succeeds = (work: () => Promise<unknown>): Promise<boolean> =>
  work().then(
    () => true,
    () => false,
  );

/** Since when something is lost, from single checks of it. Times are epoch milliseconds. */
export function lossOf(lostAfterChecks: number, clock = Date.now) {
  let missed = 0;
  let since = 0;
  let back: number | null = null;
  return {
    checked: (works: boolean): void => {
      if (works && missed >= lostAfterChecks) back = clock();
      if (!works && missed === 0) since = clock();
      missed = works ? 0 : missed + 1;
    },
    lostAt: (): number | null => (missed >= lostAfterChecks ? since : null),
    backAt: (): number | null => (missed >= lostAfterChecks ? null : back),
  };
}

/** When a queue was first and last seen paused, epoch milliseconds. */
interface Paused {
  readonly since: number;
  readonly pausedAt: number;
}

async function pausedOf(
  backend: Backend,
  hosts: readonly string[],
  known: ReadonlyMap<string, Paused>,
): Promise<ReadonlyMap<string, Paused>> {
  const found = new Map<string, Paused>();
  const isSilent = new Set(hosts);
  // Those that were paused are asked, too: they make passes again before anybody finds them silent.
  for (const host of new Set([...hosts, ...known.keys()])) {
    const isPaused = await backend
      .impatientQueue(queueName(host))
      .isPaused()
      .catch(() => known.has(host));
    // One that was resumed has to make its first pass, before it is known whether anything else is wrong.
    const resumedFor = Date.now() - (known.get(host)?.pausedAt ?? 0);
    const isReturning = !isPaused && known.has(host) && isSilent.has(host) && resumedFor < returnsWithinMs;
    if (isPaused) found.set(host, { since: known.get(host)?.since ?? Date.now(), pausedAt: Date.now() });
    else if (isReturning) found.set(host, known.get(host) as Paused);
  }
  return found;
}
