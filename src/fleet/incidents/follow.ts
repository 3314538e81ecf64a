import type { FleetFacts } from './facts.ts';
import {
  type Affected,
  type Incident,
  type IncidentKind,
  incidentKinds,
  isAboutDeckies,
  type OpenIncident,
  type Severity,
} from './incident.ts';
import type { Evaluation } from './rules.ts';

/** How an incident ended. `covered`: a larger one explains what it affects, or what is left of it. */
export const resolutions = ['recovered', 'removed', 'covered'] as const;
export type Resolution = (typeof resolutions)[number];

/** How much an incident affects. `down`: deckies of which nothing runs. */
export interface Extent {
  readonly hosts: number;
  readonly deckies: number;
  readonly down: number;
}

/** One of the first things that an incident affects, as the table keeps it. */
export interface AffectedName {
  readonly host: string | null;
  readonly name: string | null;
  readonly state: string | null;
}

/** What the messages about an incident reported. `severity`: the most severe of them; absent: an earlier version sent it. `at`: epoch milliseconds. */
export interface Notified extends Extent {
  readonly at: number;
  readonly severity?: Severity | undefined;
}

/** An incident as the table has it. Times are epoch milliseconds. */
export interface StoredIncident extends OpenIncident {
  readonly severity: Severity;
  readonly since: number;
  readonly openedAt: number;
  readonly extent: Extent;
  /** The largest extent so far. */
  readonly most: Extent;
  /** What it affects, or last affected: the first of them. */
  readonly affected: readonly AffectedName[];
  /** The first things that it has affected so far. */
  readonly ever: readonly AffectedName[];
  /** What the last message reported, and when; null: none was sent. */
  readonly notified: Notified | null;
  /** The silence that keeps it from being sent; null: none does. */
  readonly silencedBy: string | null;
  /** All silences that have done so. */
  readonly silencedEver: readonly string[];
  /** Since when none does so any more; null: none ever did, or one does. */
  readonly unsilencedAt: number | null;
  readonly acknowledged: Acknowledgement | null;
}

/** Somebody takes care of an incident. */
export interface Acknowledgement {
  readonly at: number;
  readonly by: string;
  readonly why: string;
  /** How severe it was then, or at the last message since. */
  readonly severity: Severity;
}

/** Something that belonged to an incident, and no longer has a fault. */
export interface Ended {
  readonly host: string;
  /** Empty: the host itself. */
  readonly name: string;
  readonly under: string;
  readonly how: 'recovered' | 'removed';
}

export interface Closed {
  readonly before: StoredIncident;
  readonly resolution: Resolution;
}

export interface Followed {
  readonly opened: readonly Incident[];
  readonly kept: readonly { readonly before: StoredIncident; readonly now: Incident }[];
  readonly closed: readonly Closed[];
}

/** What became of the open incidents since the last evaluation. @param ended what belonged to one, and has no fault now */
export function follow(
  stored: readonly StoredIncident[],
  facts: Pick<FleetFacts, 'hosts' | 'deckies'>,
  evaluation: Evaluation,
  ended: readonly Ended[],
): Followed {
  const { incidents } = evaluation;
  const covered = coveredIn(stored, facts, evaluation);
  const before = new Map(stored.map((one) => [one.id, one]));
  const now = new Set(incidents.map(({ id }) => id));
  const endedOf = Map.groupBy(ended, ({ under }) => under);
  const isDown = (host: string | null, name: string): boolean =>
    host !== null && evaluation.deckies.get(host)?.has(name) === true;
  return {
    opened: incidents.filter(({ id }) => !before.has(id)),
    kept: incidents.flatMap((one) => {
      const known = before.get(one.id);
      return known === undefined ? [] : [{ before: known, now: one }];
    }),
    closed: stored
      .filter(({ id }) => !now.has(id))
      .map((one) => ({
        // What is still down is reported as part of another incident.
        before: { ...one, ever: one.ever.filter(({ host, name }) => name === null || !isDown(host, name)) },
        resolution: resolutionOf(endedOf.get(one.id) ?? [], covered.has(one.id)),
      })),
  };
}

/** The incidents whose deckies or hosts belong to one now that explains them better. */
function coveredIn(
  stored: readonly StoredIncident[],
  { hosts, deckies }: Pick<FleetFacts, 'hosts' | 'deckies'>,
  evaluation: Evaluation,
): ReadonlySet<string> {
  const kinds = new Map([...stored, ...evaluation.incidents].map(({ id, kind }) => [id, kind]));
  const kindOf = (id: string | null | undefined): IncidentKind | null => kinds.get(id ?? '') ?? null;
  const covered = new Set<string>();
  for (const { host, under } of hosts) {
    const [from, to] = [kindOf(under), kindOf(evaluation.hosts.get(host))];
    if (under !== null && from !== null && to !== null && explainsBetter(to, from)) covered.add(under);
  }
  for (const { host, name, under } of deckies) {
    const kind = kindOf(under);
    const now = evaluation.deckies.get(host)?.get(name);
    if (under !== null && kind !== null && isAboutDeckies(kind) && now !== under) covered.add(under);
  }
  return covered;
}

/** A host that stays stale when the queues are back is another incident, and theirs is resolved. */
const explainsBetter = (now: IncidentKind, before: IncidentKind): boolean =>
  incidentKinds.indexOf(now) < incidentKinds.indexOf(before) || before === 'host_flapping';

/** What went to another incident is not resolved; what did not is. */
function resolutionOf(ended: readonly Ended[], isCovered: boolean): Resolution {
  if (isCovered && ended.length === 0) return 'covered';
  return ended.length > 0 && ended.every(({ how }) => how === 'removed') ? 'removed' : 'recovered';
}

export const namesAtMost = 100;

export const namesOf = (affected: readonly Affected[]): readonly AffectedName[] =>
  affected
    .slice(0, namesAtMost)
    .map(({ host, name, decky }) => ({ host, name, state: decky?.state ?? null }));

/** All of both, each location once, with its newest state. */
export function withNames(
  before: readonly AffectedName[],
  now: readonly AffectedName[],
): readonly AffectedName[] {
  const affectedKey = ({ host, name }: AffectedName): string => JSON.stringify([host, name]);
  const all = new Map([...before, ...now].map((one) => [affectedKey(one), one]));
  return [...all.values()].slice(0, namesAtMost);
}

export const extentOf = ({ affected, hosts, deckies }: Incident): Extent => ({
  hosts,
  deckies,
  down: affected.filter(({ decky }) => decky !== undefined && decky.state !== 'degraded').length,
});

export const larger = (a: Extent, b: Extent): Extent => ({
  hosts: Math.max(a.hosts, b.hosts),
  deckies: Math.max(a.deckies, b.deckies),
  down: Math.max(a.down, b.down),
});
