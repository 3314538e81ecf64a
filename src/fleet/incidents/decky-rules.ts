import { type Cause, fellWithEngine } from '../plan/cause.ts';
import type { DeckyFacts } from './decky-facts.ts';
import type { HostFacts } from './facts.ts';
import type { Gathered } from './gathered.ts';
import { type IncidentKind, incidentId, keepsDeckies } from './incident.ts';
import { isMajority } from './severity.ts';
import { sentences } from './words.ts';

/** More than this many with different causes count as most of a host, too. */
const manyFrom = 20;

/** What a host says about its deckies. */
export interface Covering {
  /** How many are recorded. */
  readonly deckies: number;
  /** The incident of the host that explains what breaks on it; null: none does. */
  readonly by: string | null;
}

/** A host of which nothing is known now covers its deckies. One whose state file is unusable, or whose queue waits, does not. */
export const coveringOf = (host: HostFacts | undefined, incident: string | undefined): Covering => ({
  deckies: host?.deckies ?? 0,
  by:
    host !== undefined &&
    (host.staleSince !== null || host.unreachableSince !== null || host.flappingSince !== null)
      ? (incident ?? null)
      : null,
});

/** @returns the incident of each decky, by host and name */
export function deckyRules(
  deckies: readonly DeckyFacts[],
  covering: (host: string) => Covering,
  gathered: Gathered,
): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const under = new Map<string, Map<string, string>>();
  const put = ({ host, name }: DeckyFacts, id: string): void => {
    const ofHost = under.get(host) ?? new Map<string, string>();
    under.set(host, ofHost.set(name, id));
  };
  const rest: DeckyFacts[] = [];
  for (const decky of deckies) {
    const id = ofItsOwn(decky, covering(decky.host), gathered);
    if (id === null) rest.push(decky);
    else put(decky, id);
  }
  const hostsOf = Map.groupBy(rest, (decky) => deckyCauseId(decky));
  for (const [host, some] of Map.groupBy(rest, (decky) => decky.host)) {
    const ids = new Set(some.map(deckyCauseId));
    // Those that went down before, one by one, say nothing about what goes down now.
    const count = some.length + (gathered.affectedBy(incidentId('host_down', host))?.length ?? 0);
    const isWhole = isMajority(count, covering(host).deckies) || (count > manyFrom && ids.size > 1);
    const isElsewhere = [...ids].some(
      (id) => gathered.affectedBy(id) !== null || hostsOf.get(id)?.some((other) => other.host !== host),
    );
    for (const decky of some)
      put(
        decky,
        isWhole && !(ids.size === 1 && isElsewhere) ? ofHost(decky, gathered) : ofCause(decky, gathered),
      );
  }
  return under;
}

/** What is decided about a decky without regard to the others; null: nothing is. */
function ofItsOwn(decky: DeckyFacts, { by }: Covering, gathered: Gathered): string | null {
  const { host, name, since, isFlapping, cause } = decky;
  const affected = { host, name, since, decky };
  if (isFlapping) {
    const kind = 'decky_flapping';
    return gathered.add(incidentId(kind, host), { kind, ...sentences[kind](decky) }, affected, decky);
  }
  const deployment = cause?.deployment;
  const kind = 'deployment_failed';
  const id = deployment === undefined ? null : incidentId(kind, host, deployment.outcome, deployment.of);
  const kept = gathered.open(decky.under);
  if (kept !== null && keepsDeckies(kept.kind) && (id === null || id === kept.id))
    return gathered.add(kept.id, kept, affected, decky);
  if (by !== null) return by;
  return id === null ? null : gathered.add(id, { kind, ...sentences[kind](decky) }, affected, decky);
}

const ofHost = (decky: DeckyFacts, gathered: Gathered): string =>
  add('host_down', incidentId('host_down', decky.host), decky, gathered);

function ofCause(decky: DeckyFacts, gathered: Gathered): string {
  const cause = deckyCauseId(decky);
  return add('deckies_down', isOfMoment(decky) ? idOfMoment(cause, decky, gathered) : cause, decky, gathered);
}

/** Milliseconds between deckies that one event took down: Compose stops them one after another. */
const oneEventMs = 10_000;

/** What an operator, Compose or Docker did to a host is one cause for as long as it took; the same later is another cause. */
const isOfMoment = ({ cause }: DeckyFacts): boolean =>
  cause !== null && (isNetwork(cause) || isWithoutContainer(cause) || fellWithEngine(cause));

function idOfMoment(cause: string, { since }: DeckyFacts, gathered: Gathered): string {
  const near = gathered
    .ofKind('deckies_down')
    .find(
      ([id, some]) =>
        id.startsWith(`${cause}-`) && some.some((one) => Math.abs(one.since - since) <= oneEventMs),
    );
  return near?.[0] ?? `${cause}-${Math.floor(since).toString(36)}`;
}

const add = (
  kind: IncidentKind & ('host_down' | 'deckies_down'),
  id: string,
  decky: DeckyFacts,
  gathered: Gathered,
): string =>
  gathered.add(
    id,
    { kind, ...sentences[kind](decky) },
    { host: decky.host, name: decky.name, since: decky.since, decky },
    decky,
  );

/** Deckies with one of these in common have one cause: service and exit code, the image of the base, the host's network. */
function deckyCauseId(decky: DeckyFacts): string {
  const { cause, host, image } = decky;
  if (cause === null) return incidentId('deckies_down', 'unknown', host);
  const ending = [cause.state, cause.exitCode, cause.endedBy ?? null];
  if (isNetwork(cause)) return incidentId('deckies_down', 'network', host);
  if (fellWithEngine(cause)) return incidentId('deckies_down', 'engine', host);
  if (cause.service !== null) return incidentId('deckies_down', 'service', cause.service, ...ending);
  return incidentId('deckies_down', 'base', isWithoutContainer(cause) ? host : image, ...ending);
}

const isNetwork = ({ state }: Cause): boolean => state.startsWith('cut off');
const isWithoutContainer = ({ state }: Cause): boolean => state === 'no container';
