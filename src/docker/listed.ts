import type { Container, Loop, Network } from '../fleet/plan/container-match.ts';
import type { TimeSpan } from '../fleet/plan/cut-off.ts';
import { lastResult } from '../lib/last-result.ts';
import { type Age, type Entry, loopWindowSeconds, none, suspect, unverifiedNetwork } from './listing.ts';

/** Seconds between creation and start above which the start is not the first one. Docker returns both in whole seconds. */
const marginSeconds = 2;
const restarting: Loop = { kind: 'loop', endsIn: null };

/** What the listing does not show of a container: each pass finds it out. */
type Found = 'loop' | 'network' | 'owner' | 'startedBeforeBase';

/** A container of the listing in one pass: what the listing shows of it, and what this pass has found out so far. */
export interface Listed {
  readonly entry: Entry;
  /** Without the findings, which may be those of an earlier pass. */
  readonly container: Omit<Container, Found>;
  /** @see Entry */
  readonly id: string;
  /** @see Entry */
  readonly owner: string | null;
  /** When it was started, if it runs. */
  readonly started: TimeSpan | null;
  /** The listing does not show whether a suspect is in a restart loop. */
  loop: Loop;
  network: Network;
  /** The name of the container whose network it uses. */
  ownerName: string | null;
  /** @see Container */
  startedBeforeBase: boolean;
}

/**
 * A container as it is at a time, of which nothing is found out yet.
 * @param now epoch seconds
 */
export function listedOf(entry: Entry, now: number): Listed {
  const { container, id, owner } = entry;
  return {
    entry,
    container,
    id,
    owner,
    started: startOf(entry, now),
    loop: container.state === 'restarting' ? restarting : isSuspect(entry, now) ? suspect : none,
    network: unverifiedNetwork(owner),
    ownerName: null,
    startedBeforeBase: false,
  };
}

/** The container with what was found out; the same object as in the last pass if that was the same. */
export function containerOf({ entry, loop, network, ownerName, startedBeforeBase }: Listed): Container {
  const { container } = entry;
  const isSame =
    equalLoops(container.loop, loop) &&
    container.network === network &&
    container.owner === ownerName &&
    container.startedBeforeBase === startedBeforeBase;
  if (!isSame) entry.container = { ...container, loop, network, owner: ownerName, startedBeforeBase };
  return entry.container;
}

const equalLoops = (one: Loop, other: Loop): boolean =>
  one === other || (one.kind === 'loop' && other.kind === 'loop' && one.endsIn === other.endsIn);

/** When a container that runs was started, as exactly as the listing shows it. @param now epoch seconds */
function startOf({ container: { state, createdAt }, age }: Entry, now: number): TimeSpan | null {
  // A paused container keeps its network.
  return state === 'running' || state === 'paused' ? spanAt(now)(age)(createdAt) : null;
}

/** One argument at a time, from the one that changes least: neighbours in the listing are mostly of one decky. */
const spanAt = lastResult((now: number) =>
  lastResult((age: Age | null) =>
    lastResult(
      (createdAt: number): TimeSpan =>
        age === null
          ? { earliest: createdAt, latest: now }
          : {
              earliest: Math.max(createdAt, now - age.max - marginSeconds),
              latest: now - age.least + marginSeconds,
            },
    ),
  ),
);

/**
 * Whether a container may be in a restart loop according to the listing: it has been running for less than five minutes and
 * was created clearly before that start.
 * @param now epoch seconds
 */
export function isSuspect({ container: { state, createdAt }, age }: Entry, now: number): boolean {
  if (state !== 'running') return false;
  const up = age?.least ?? loopWindowSeconds;
  return up < loopWindowSeconds && now - up - createdAt > marginSeconds;
}
