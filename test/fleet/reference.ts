import type { Decky } from '../../src/fleet/decky.ts';
import type { Container } from '../../src/fleet/plan/container-match.ts';
import type { Content } from '../../src/fleet/plan/content.ts';
import type { Facts, Row } from '../../src/fleet/plan/facts.ts';
import type { FleetState } from '../../src/fleet/state.ts';

/**
 * The rules of CONTRACT.md once more, as plainly as they can be said, one decky at a time and with no care for speed.
 * Takes nothing but types from the product. Knows no memory: it is for a first pass.
 */
export interface Outcome {
  /** The row afterwards; null: there is none. */
  readonly row: { state: FleetState; lastErrorIsNull: boolean; content: Content } | null;
  readonly held: boolean;
}

export function outcome(facts: Facts, name: string): Outcome {
  const row = facts.recorded.find((one) => one.name === name);
  const declared = facts.desired.kind === 'declared' ? [...facts.desired.deckies.values()] : [];
  const inFile = declared.find((one) => one.name === name);
  const decky = inFile && { ...inFile, services: rotated(facts, inFile) };
  const isLooked = facts.only === null || facts.only.has(name);
  const same: Outcome = { row: row === undefined ? null : kept(row), held: false };
  if (!isLooked) return same;

  if (row === undefined) {
    // Rule 2
    if (decky === undefined) return same;
    const isObserved = facts.observed.kind === 'ok';
    const state = isObserved ? observed(facts, name, decky.services, isDeployed(facts, decky)) : 'pending';
    return {
      row: { state, lastErrorIsNull: state === 'running' || !isObserved, content: contentOf(decky) },
      held: false,
    };
  }

  const age = facts.now - row.writtenAt;
  const isLeft = !row.ours && Math.abs(age) < facts.graceSeconds * 1000;
  const services = decky?.services ?? row.services.filter((one): one is string => typeof one === 'string');
  const isDeploying = decky !== undefined && isDeployed(facts, decky);
  const state = facts.observed.kind === 'ok' ? observed(facts, name, services, isDeploying) : null;

  let held = false;
  if (decky === undefined && facts.desired.kind !== 'invalid') {
    // Rule 3
    const isTornDown = facts.desired.kind === 'absent' || declared.length === 0;
    const mayLive = facts.observed.kind === 'unreachable' || isReached(facts, name, services);
    if (!isLeft && !(isTornDown && mayLive)) return { row: null, held: false };
    held = true;
  }

  let next = kept(row);
  if (state !== null) {
    // Rule 4
    const mayChange = !isLeft || (state === 'running' && row.state !== 'tearing_down');
    if (mayChange) next = { ...next, state, lastErrorIsNull: state === 'running' };
    else if (state !== row.state) held = true;
  }
  if (decky !== undefined && differs(row, decky)) {
    // Rule 5
    if (isLeft) held = true;
    else next = { ...next, content: contentOf(decky) };
  }
  return { row: next, held };
}

const kept = (row: Row): NonNullable<Outcome['row']> => ({
  state: row.state,
  lastErrorIsNull: row.lastError === null,
  content: { ip: row.ip, services: row.services, config: row.config },
});

const contentOf = ({ ip, services, config }: Decky): Content => ({ ip, services, config });

function differs(row: Row, decky: Decky): boolean {
  const plain = (content: Content): string => {
    const { last_mutated: _m, last_login_attempt: _l, ...config } = content.config ?? {};
    return JSON.stringify([content.ip, content.services, Object.entries(config).sort()]);
  };
  return plain(row) !== plain(contentOf(decky));
}

/** "Observed state of a decky". A deployment makes what does not run `pending`: "A living host", c. */
function observed(facts: Facts, name: string, services: readonly string[], isDeploying: boolean): FleetState {
  const state = stateObserved(facts, name, services);
  return isDeploying && state !== 'running' ? 'pending' : state;
}

function stateObserved(facts: Facts, name: string, services: readonly string[]): FleetState {
  const base = baseOf(facts, name);
  const sound = (one: Container): boolean => runs(one) && !one.unhealthy;
  const found = partsOf(facts, name, services);
  if (found.every((one) => one === undefined)) return 'torn_down';
  if (found.every((one) => one === undefined || !runs(one))) return 'failed';
  if (!found.every((one) => one !== undefined && sound(one))) return 'degraded';
  return base === undefined || sound(base) ? 'running' : 'degraded';
}

const baseOf = (facts: Facts, name: string): Container | undefined =>
  all(facts).find((one) => one.decky === null && one.name === name);

/** The containers that a decky should have; undefined: it is not there. */
function partsOf(
  facts: Facts,
  name: string,
  services: readonly string[],
): readonly (Container | undefined)[] {
  const expected = services.filter((service) => service !== 'sniffer');
  return expected.length === 0
    ? [baseOf(facts, name)]
    : expected.map((service) => containerOf(facts, name, service));
}

/** "A living host", c: whether a deployment explains that a decky does not run. The file declares it with these services. */
function isDeployed(facts: Facts, { name, services }: Decky): boolean {
  const { now, fileChangedAt, rolloutSeconds, explanations, desired } = facts;
  if (rolloutSeconds === 0 || desired.kind !== 'declared') return false;
  const fleet = [...desired.deckies.values()];
  const isNewFile = now - fileChangedAt < rolloutSeconds * 1000;
  const gone = fleet.filter((one) => isGone(facts, one)).length;
  const isReported = fleet.some((one) => explanations.lifecycles.get(one.name) === 'running');
  const rollsOut = isReported || (isNewFile && gone > fleet.length / 2);
  // A deployment that failed has ended. One of its deckies may have left the file again.
  const failed = [...explanations.lifecycles].filter(([, status]) => status === 'failed').map(([of]) => of);
  if (failed.some((of) => rollsOut || desired.deckies.has(of))) return false;
  const parts = partsOf(facts, name, services);
  const base = baseOf(facts, name);
  const own = [base, ...parts].filter((one) => one !== undefined);
  // A cut-off container is another fault: the first rule that holds wins.
  if (own.some((one) => one !== base && one.network === 'cut off')) return false;

  const isNew = !facts.recorded.some((row) => row.name === name);
  const isOfFile = (one: Container): boolean => one.createdAt >= fileChangedAt / 1000 - 2;
  if (isNew && isNewFile && own.every((one) => !hasExited(one) && isOfFile(one))) return true;

  if (!rollsOut) return false;
  // Its containers are removed, or stopped to be removed, or only created; those that are made again run already.
  const isOnItsWay = (one: Container | undefined): boolean =>
    one === undefined || one.state === 'created' || (hasExited(one) && !isLeft(one));
  if (base !== undefined && isLeft(base)) return false;
  return parts.some(isOnItsWay) && parts.every((one) => isOnItsWay(one) || (one !== undefined && runs(one)));
}

const hasExited = ({ state }: Container): boolean => state === 'exited' || state === 'dead';

/** Exited by itself for 30 s. */
const isLeft = (one: Container): boolean => hasExited(one) && (one.ageSeconds ?? 30) >= 30;

/** It has no service container at all; one that expects none has no base. */
function isGone(facts: Facts, { name, services }: Decky): boolean {
  const hasLabelled = all(facts).some((one) => one.decky === name && one.service !== null);
  const isExpected = services.some((service) => service !== 'sniffer');
  return partsOf(facts, name, services).every((one) => one === undefined) && !(isExpected && hasLabelled);
}

/** Rule 3: its base runs, and with it at least one of its services. */
function isReached(facts: Facts, name: string, services: readonly string[]): boolean {
  const isThere = (holds: (one: Container) => boolean): boolean =>
    all(facts).some((one) => runs(one) && holds(one));
  const isNamed = ({ decky, name: its }: Container): boolean =>
    decky === null &&
    services.some((service) =>
      [`${name}-${service}`, `${name}-${service.replaceAll('_', '-')}`].includes(its),
    );
  const hasBase = isThere((one) => one.decky === null && one.name === name);
  const needsService = services.some((service) => service !== 'sniffer');
  return hasBase && (!needsService || isThere((one) => one.decky === name || isNamed(one)));
}

/** Without those of a topology. */
const all = (facts: Facts): readonly Container[] =>
  facts.observed.kind === 'ok' ? facts.observed.containers.filter((one) => !one.isOfTopology) : [];

/** What is cut off does not run. */
const runs = (one: Container): boolean => one.state === 'running' && one.network !== 'cut off';

/** The container of a service: labelled ones before those that are only named for it, running ones first, then the newer. */
function containerOf(facts: Facts, name: string, service: string): Container | undefined {
  const labelled = all(facts).filter((one) => one.decky === name && one.service === service);
  const named = all(facts).filter(
    (one) =>
      one.decky === null &&
      [`${name}-${service}`, `${name}-${service.replaceAll('_', '-')}`].includes(one.name),
  );
  const candidates = labelled.length > 0 ? labelled : named;
  const [best] = candidates.sort(
    (one, other) => Number(runs(other)) - Number(runs(one)) || other.createdAt - one.createdAt,
  );
  return best;
}

/** "A living host", d: the services that a decky has now, as far as its containers tell. */
function rotated(facts: Facts, { name, services }: Decky): readonly string[] {
  const base = all(facts).find((one) => one.decky === null && one.name === name);
  const expected = services.filter((service) => service !== 'sniffer');
  const labelled = all(facts).flatMap((one) =>
    one.decky === name && one.service !== null ? [one.service] : [],
  );
  const present = [...new Set([...expected, ...labelled])].flatMap((service) => {
    const one = containerOf(facts, name, service);
    return one === undefined ? [] : [{ service, one }];
  });
  const others = present.filter(({ service }) => !services.includes(service));
  const isRotated =
    base !== undefined &&
    runs(base) &&
    present.filter(({ service }) => expected.includes(service)).length < expected.length &&
    present.every(({ one }) => runs(one)) &&
    others.length > 0 &&
    others.every(({ one }) => one.network === 'shared' && one.owner === name);
  const withoutContainer = services.filter((service) => service === 'sniffer');
  return isRotated ? [...present.map(({ service }) => service), ...withoutContainer].sort() : services;
}
