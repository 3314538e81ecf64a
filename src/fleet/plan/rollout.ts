import { expectedServices } from '../decky.ts';
import type { BrokenDeployment } from './cause.ts';
import { type Container, type ContainerMatch, isRunning } from './container-match.ts';
import type { LifecycleStatus } from './explanations.ts';

/**
 * A deployment of a host's fleet that is under way. Times are epoch milliseconds of the database's clock.
 * @see CONTRACT.md, "A living host", c
 */
export interface Rollout {
  /** When the file changed, or a message said that it began. */
  readonly since: number;
  /** What is deployed, for people: `web-02, iot-01`, or `the state file`. */
  readonly of: string;
  /** The deckies that have run since they were gone. */
  readonly ran: ReadonlySet<string>;
  /** Whether a declared decky has been without its services since. */
  readonly tookDown: boolean;
}

/** What the passes of a host remember about its deployments. */
export interface Deployments {
  readonly rollout: Rollout | null;
  /** When the last rollout ended; 0: there was none. A file or message from before that begins none. */
  readonly endedAt: number;
  /** The deckies that never ran since they were declared → when the file that declared them changed. */
  readonly neverRan: ReadonlyMap<string, number>;
  /** What DECNET said of the deployments of deckies. */
  readonly lifecycles: ReadonlyMap<string, { readonly status: LifecycleStatus; readonly at: number }>;
  /** The deckies that a deployment left without their containers, until they run. */
  readonly broken: ReadonlyMap<string, BrokenDeployment>;
}

export const noDeployments: Deployments = {
  rollout: null,
  endedAt: 0,
  neverRan: new Map(),
  lifecycles: new Map(),
  broken: new Map(),
};

/** What a host's declared deckies look like at one instant. */
export interface Survey {
  /** The declared deckies. */
  readonly names: ReadonlySet<string>;
  /** Those that run → when the oldest of their containers was made, epoch seconds of the database's clock. */
  readonly running: ReadonlyMap<string, number>;
  /** How many have no service container at all: removed, not exited. */
  readonly gone: number;
}

export interface RolloutFacts {
  readonly now: number;
  /** `DECNET_ROLLOUT`, in milliseconds; 0: there are no rollouts. */
  readonly limitMs: number;
  /** When the state file changed. */
  readonly fileChangedAt: number;
  readonly survey: Survey;
}

/** Whether a deployment is remembered that may still be under way. */
export const hasDeployments = ({ rollout, neverRan, lifecycles }: Deployments): boolean =>
  rollout !== null || neverRan.size > 0 || lifecycles.size > 0;

/** Whether a deployment may be under way, so that all declared deckies must be checked. */
export const mayRollOut = (
  deployments: Deployments,
  { now, limitMs, fileChangedAt }: Omit<RolloutFacts, 'survey'>,
): boolean => limitMs > 0 && (hasDeployments(deployments) || now - fileChangedAt < limitMs);

/** The deployments after a check of all declared deckies. */
export function deploymentsAfter(before: Deployments, facts: RolloutFacts): Deployments {
  const { now, limitMs, survey } = facts;
  const recent = [...before.lifecycles].filter(([, { at }]) => now - at < limitMs);
  const mine = recent.filter(([name]) => survey.names.has(name));
  const rollout = rolloutNow(before, facts, mine);
  const failed = failedOf(recent, before, rollout, survey);
  const neverRan = new Map(
    [...before.neverRan].filter(([name]) => survey.names.has(name) && !survey.running.has(name)),
  );
  const end = endOf(rollout, failed, facts, mine);
  const broken = new Map(
    [...before.broken].filter(([name]) => survey.names.has(name) && !survey.running.has(name)),
  );
  const leaveBroken = (names: Iterable<string>, by: BrokenDeployment): void => {
    for (const name of names) if (survey.names.has(name) && !survey.running.has(name)) broken.set(name, by);
  };
  for (const [name, since] of neverRan) {
    if (now - since < limitMs) continue;
    neverRan.delete(name);
    leaveBroken([name], { outcome: 'unfinished', of: rollout?.of ?? theFile });
  }
  if (end === null) {
    // A success that nothing waits for must not end a later deployment.
    const open = rollout === null ? recent.filter(([, { status }]) => status !== 'succeeded') : recent;
    return { ...before, rollout, neverRan, lifecycles: new Map(open), broken };
  }
  if (end !== 'finished') {
    const of = end === 'failed' ? listOf(failed) : (rollout?.of ?? theFile);
    const waiting = rollout === null ? failed : [...survey.names].filter((name) => !rollout.ran.has(name));
    leaveBroken([...waiting, ...neverRan.keys()], { outcome: end, of });
    neverRan.clear();
  }
  return { rollout: null, endedAt: now, neverRan, lifecycles: new Map(), broken };
}

const theFile = 'the state file';

/** The last message about each decky's deployment. */
type LifecycleMessages = readonly (readonly [
  name: string,
  { readonly status: LifecycleStatus; readonly at: number },
])[];

/** The deckies whose deployment failed, with the last check or since. One of them may have left the file again. */
const failedOf = (
  recent: LifecycleMessages,
  { endedAt }: Deployments,
  rollout: Rollout | null,
  { names }: Survey,
): readonly string[] =>
  recent
    .filter(([, { status, at }]) => status === 'failed' && at > endedAt)
    .filter(([name, { at }]) => names.has(name) || (rollout !== null && at >= rollout.since))
    .map(([name]) => name);

/** The time of the file is converted between clocks, so that two readings of one file differ a little. */
const sameFileMs = 5000;

/** The rollout that is under way at this check; null: none. */
function rolloutNow(before: Deployments, facts: RolloutFacts, mine: LifecycleMessages): Rollout | null {
  const { survey } = facts;
  const byFile = begunByFile(before, facts);
  const known = before.rollout ?? begunByMessage(before, mine);
  // A further deployment may begin before the last one has ended.
  const isNew = known === null || (byFile !== null && byFile.since > known.since + sameFileMs);
  const current = isNew ? byFile : known;
  if (current === null) return null;
  const ran = new Set(current.ran);
  for (const [name, madeAt] of survey.running) if (madeAt >= Math.floor(current.since / 1000)) ran.add(name);
  const of = current.of === theFile && mine.length > 0 ? listOf(mine.map(([name]) => name)) : current.of;
  return { ...current, of, ran, tookDown: current.tookDown || survey.gone > 0 };
}

const nothingRan = { ran: new Set<string>(), tookDown: false };

function begunByMessage({ endedAt }: Deployments, mine: LifecycleMessages): Rollout | null {
  const running = mine.filter(([, { status, at }]) => status === 'running' && at > endedAt);
  if (running.length === 0) return null;
  const since = Math.min(...running.map(([, { at }]) => at));
  return { since, of: listOf(running.map(([name]) => name)), ...nothingRan };
}

function begunByFile(
  { endedAt }: Deployments,
  { now, limitMs, fileChangedAt, survey }: RolloutFacts,
): Rollout | null {
  const hasNewFile = now - fileChangedAt < limitMs && fileChangedAt > endedAt;
  const areGone = survey.gone * 2 > survey.names.size;
  return hasNewFile && areGone ? { since: fileChangedAt, of: theFile, ...nothingRan } : null;
}

function endOf(
  rollout: Rollout | null,
  failed: readonly string[],
  { now, limitMs, survey }: RolloutFacts,
  mine: LifecycleMessages,
): 'finished' | BrokenDeployment['outcome'] | null {
  if (failed.length > 0) return 'failed';
  if (rollout === null) return null;
  const isDone = (name: string): boolean =>
    rollout.ran.has(name) || (rollout.tookDown && survey.running.has(name));
  const since = mine.filter(([, { at }]) => at >= rollout.since);
  const haveSucceeded = since.length > 0 && since.every(([, { status }]) => status === 'succeeded');
  if (haveSucceeded || [...survey.names].every(isDone)) return 'finished';
  return now - rollout.since >= limitMs ? 'unfinished' : null;
}

const namesInText = 3;

/** Names for people: at most three, shortened. @param count how many there are, if `names` are only some */
export function listOf(names: readonly string[], count: number = names.length): string {
  const [shown, more] = [[...names].sort().slice(0, namesInText), count - namesInText];
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** Seconds after its end during which a container may still be removed by the deployment that stopped it. */
const removedWithinSeconds = 30;

/** Whether a container has ended so long ago that no deployment explains it. */
const isLeftEnded = ({ state, ageSeconds }: Container): boolean =>
  (state === 'exited' || state === 'dead') && (ageSeconds ?? removedWithinSeconds) >= removedWithinSeconds;

const stopping: ReadonlySet<string> = new Set(['exited', 'dead', 'removing']);

/** Why a decky that does not run is not called down yet. `recheckMs`: when that may change, if nothing else does. */
export interface Covered {
  readonly recheckMs: number;
}

/** One decky, and what deployments say about it. */
export interface CoverFacts {
  readonly name: string;
  readonly services: readonly string[];
  readonly match: ContainerMatch;
  readonly deployments: Deployments;
  readonly now: number;
  readonly limitMs: number;
  /** The engine's clock minus the database's, in seconds, to compare when containers were made. */
  readonly engineAheadSeconds: number;
}

/** Whether a decky that does not run is only being deployed; null: it is down. @see CONTRACT.md, "A living host", c */
export function coverOf(facts: CoverFacts): Covered | null {
  const { name, services, match, deployments, now, limitMs, engineAheadSeconds } = facts;
  const { rollout, neverRan } = deployments;
  const containers = [...match.services.values()];
  // Cut off from its network is another fault, which no deployment explains.
  if (containers.some(({ network }) => network === 'cut off')) return null;
  const declaredAt = neverRan.get(name);
  if (declaredAt !== undefined) {
    const all = match.base === null ? containers : [match.base, ...containers];
    const isOlder = ({ createdAt }: Container): boolean =>
      createdAt - engineAheadSeconds < declaredAt / 1000 - madeBeforeSeconds;
    if (!all.some(hasEnded) && !all.some(isOlder)) return { recheckMs: declaredAt + limitMs - now };
  }
  if (rollout === null || rollout.ran.has(name)) return null;
  const expected = expectedServices(services).map((service) => match.services.get(service));
  const parts = expected.length > 0 ? expected : [match.base ?? undefined];
  const isUp = (container: Container | undefined): boolean =>
    container !== undefined && isRunning(container) && container.loop.kind !== 'loop';
  const isOnItsWay = (container: Container | undefined): boolean =>
    container === undefined ||
    container.state === 'created' ||
    (stopping.has(container.state) && !isLeftEnded(container));
  if (match.base !== null && isLeftEnded(match.base)) return null;
  if (!parts.every((part) => isUp(part) || isOnItsWay(part)) || !parts.some(isOnItsWay)) return null;
  const ending = parts.filter((container) => container !== undefined && stopping.has(container.state));
  const leftMs = rollout.since + limitMs - now;
  return { recheckMs: ending.length > 0 ? Math.min(leftMs, removedWithinSeconds * 1000) : leftMs };
}

const hasEnded = ({ state, loop }: Container): boolean =>
  state === 'exited' || state === 'dead' || loop.kind === 'loop';

/** Containers made more than this before the file changed are not of the deployment that the file declares. */
const madeBeforeSeconds = 2;

/** When the oldest container of a decky that runs was made, epoch seconds of the database's clock. */
export function madeAt({ services, base }: ContainerMatch, engineAheadSeconds: number): number {
  const parts = services.size > 0 ? [...services.values()] : base === null ? [] : [base];
  return parts.reduce(
    (oldest, { createdAt }) => Math.min(oldest, createdAt - engineAheadSeconds),
    Number.POSITIVE_INFINITY,
  );
}
