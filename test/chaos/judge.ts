import { type Container, isReached, partsOf, type StateFile, stateOf } from './model.ts';
import type { Timeline } from './timeline.ts';

/** A row of `fleet_transitions`; `at` in epoch milliseconds. */
export interface Transition {
  readonly id: number;
  readonly name: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly reason: string | null;
  readonly at: number;
}

/** A write by another program; `state` null: it deleted the row. */
export interface ForeignWrite {
  /** The end of the statement. */
  readonly at: number;
  readonly state: string | null;
  /** `updated_at` of the row, from which its grace period counts: the writer may have waited for a pass since. */
  readonly stampedAt: number;
}

/** The history of one host. */
export interface HostFacts {
  readonly file: Timeline<StateFile>;
  /** By container name; null: no such container. */
  readonly containers: ReadonlyMap<string, Timeline<Container | null>>;
  /** All services that each decky was ever recorded with. */
  readonly services: ReadonlyMap<string, readonly (readonly string[])[]>;
  readonly foreign: ReadonlyMap<string, readonly ForeignWrite[]>;
  readonly graceMs: number;
}

/** Milliseconds between a statement of the walk and its time in the database. */
const slackMs = 1500;

interface Window {
  readonly from: number;
  readonly to: number;
  /** Whether Docker or the process was disturbed. */
  readonly disturbed: boolean;
}

/**
 * Whether a transition may be: it follows the one before it, and what it says was true at some moment of its window.
 * @returns what is wrong with it; null: nothing
 */
export function judge(
  transition: Transition,
  before: string | null,
  facts: HostFacts,
  window: Window,
): string | null {
  const foreign = facts.foreign.get(transition.name) ?? [];
  return (
    doesNotFollow(transition, before, foreign) ??
    changesNothing(transition, facts, window) ??
    breaksGrace(transition, foreign, facts, window)
  );
}

function doesNotFollow(
  { from, at }: Transition,
  before: string | null,
  foreign: readonly ForeignWrite[],
): string | null {
  const others = foreign.filter((write) => write.at <= at + slackMs).map(({ state }) => state);
  if (from === before || others.includes(from)) return null;
  return `it starts from ${from}, and the one before it ended with ${before}`;
}

function changesNothing(transition: Transition, facts: HostFacts, window: Window): string | null {
  const { name, from, to } = transition;
  const files = facts.file.within(window.from, window.to);
  if (to === null) {
    const wasUndesired = files.some(
      (file) =>
        (file.kind === 'declares' && file.deckies.size > 0 && !file.deckies.has(name)) ||
        ((file.kind === 'absent' || (file.kind === 'declares' && file.deckies.size === 0)) &&
          someMoment(
            facts,
            window,
            name,
            (containers, services, at) => !isReached(name, services, containers, at),
          )),
    );
    return wasUndesired
      ? null
      : 'it was deleted, and at no time a file was without it while nobody reached it';
  }
  if (from === null && !files.some((file) => file.kind === 'declares' && file.deckies.has(name)))
    return 'it was inserted, and at no time a file declared it';
  if (from === to) return null;
  if (to === 'pending') return window.disturbed ? null : 'it became pending, and Docker answered';
  const possible = new Set<string>();
  someMoment(facts, window, name, (containers, services, at) => {
    possible.add(stateOf(name, services, containers, at));
    return false;
  });
  return possible.has(to) ? null : `it was never ${to}, only ${[...possible].join(', ')}`;
}

/**
 * Whether something holds at a moment of the window. Docker's listing is no instant: each container may have been seen
 * at another moment of it.
 */
function someMoment(
  facts: HostFacts,
  { from, to }: Window,
  name: string,
  holds: (containers: readonly Container[], services: readonly string[], at: number) => boolean,
): boolean {
  const files = facts.file.within(from, to);
  const declared = files.flatMap((file) => {
    const services = file.kind === 'declares' ? file.deckies.get(name) : undefined;
    return services === undefined ? [] : [services];
  });
  const known = [...declared, ...(facts.services.get(name) ?? [])];
  const lists = new Map(known.map((services) => [services.join(), services]));
  for (const services of lists.values()) {
    const own = [...facts.containers].filter(([, line]) =>
      line.within(from, to).some((one) => one !== null && concerns(one, name, services)),
    );
    for (const chosen of combinations(own.map(([, line]) => line.within(from, to)))) {
      const containers = chosen.filter((one) => one !== null);
      if (holds(containers, services, from) || holds(containers, services, to)) return true;
    }
  }
  return false;
}

function concerns(container: Container, name: string, services: readonly string[]): boolean {
  const { base, services: found } = partsOf(name, services, [container]);
  return container.decky === name || base !== undefined || found.some((one) => one !== undefined);
}

function* combinations<T>(lists: readonly (readonly T[])[]): Generator<readonly T[]> {
  const [first, ...rest] = lists;
  if (first === undefined) yield [];
  else for (const tail of combinations(rest)) for (const one of first) yield [one, ...tail];
}

/** A row that another writer wrote within the grace is left to it, but for becoming `running`. */
function breaksGrace(
  transition: Transition,
  foreign: readonly ForeignWrite[],
  facts: HostFacts,
  window: Window,
): string | null {
  const { name, to, at } = transition;
  const earlier = foreign.filter((write) => write.at <= at - slackMs);
  const last = earlier.at(-1);
  if (last === undefined || last.state === null || at - last.stampedAt > facts.graceMs - slackMs) return null;
  // Of a row that is written again and again, the first counts.
  if (earlier.some((write) => write !== last && write.at > last.at - 3 * facts.graceMs)) return null;
  // It may have been written while this pass held the row.
  if (foreign.some((write) => Math.abs(write.at - at) <= slackMs)) return null;
  if (to === 'running') return null;
  if (to === null) return 'it was deleted within the grace of another writer';
  if (last.state === 'tearing_down') return 'it was taken from its writer while it was being torn down';
  const ranSince = someMoment(
    facts,
    { ...window, from: last.at - slackMs },
    name,
    (containers, services, moment) => stateOf(name, services, containers, moment) === 'running',
  );
  return ranSince ? null : `it became ${to} within the grace of another writer`;
}
