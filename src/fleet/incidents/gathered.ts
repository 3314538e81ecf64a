import type { DeckyFacts } from './decky-facts.ts';
import type { HostFacts } from './facts.ts';
import {
  type Affected,
  type Incident,
  type IncidentKind,
  incidentKinds,
  isAboutDeckies,
  type NextStep,
  type OpenIncident,
} from './incident.ts';
import { severityOf } from './severity.ts';

/** What an incident is, before it is known what it affects. */
export interface Nature {
  readonly kind: IncidentKind;
  readonly cause: string;
  readonly next: NextStep;
}

/** The incidents that the rules have found so far, and what each of them affects. */
export class Gathered {
  readonly #open: ReadonlyMap<string, OpenIncident>;
  readonly #found = new Map<string, { nature: Nature; affected: Affected[] }>();

  constructor(open: readonly OpenIncident[]) {
    this.#open = new Map(open.map((one) => [one.id, one]));
  }

  /** An incident that was open at the last evaluation. */
  open(id: string | null): OpenIncident | null {
    return (id === null ? null : this.#open.get(id)) ?? null;
  }

  /**
   * @param was what is remembered of a host or a decky
   * @returns the id. The words of an open incident stay as they are.
   */
  add(id: string, nature: Nature, what: Affected, was?: Pick<DeckyFacts, 'under' | 'isNotified'>): string {
    const affected = was === undefined ? what : { ...what, isNotified: was.isNotified && was.under === id };
    const found = this.#found.get(id);
    if (found === undefined)
      this.#found.set(id, { nature: this.#open.get(id) ?? nature, affected: [affected] });
    else found.affected.push(affected);
    return id;
  }

  /** What the incidents of a kind affect so far, by id. */
  ofKind(kind: IncidentKind): readonly (readonly [id: string, affected: readonly Affected[]])[] {
    return [...this.#found].flatMap(([id, { nature, affected }]) =>
      nature.kind === kind ? [[id, affected] as const] : [],
    );
  }

  /** What an incident affects so far; null: it was not found. */
  affectedBy(id: string): readonly Affected[] | null {
    return this.#found.get(id)?.affected ?? null;
  }

  incidents(hosts: ReadonlyMap<string, HostFacts>): readonly Incident[] {
    return [...this.#found]
      .map(([id, { nature, affected }]) => incidentOf(id, nature, affected, hosts))
      .sort(byOrder);
  }
}

function incidentOf(
  id: string,
  { kind, cause, next }: Nature,
  found: readonly Affected[],
  facts: ReadonlyMap<string, HostFacts>,
): Incident {
  const affected = found.toSorted(byLocation);
  const hosts = new Set(affected.flatMap(({ host }) => host ?? []));
  const recorded = [...hosts].reduce((sum, host) => sum + (facts.get(host)?.deckies ?? 0), 0);
  const deckies = isAboutDeckies(kind) ? affected.length : recorded;
  return {
    id,
    kind,
    cause,
    next,
    severity: severityOf(kind, affected, facts),
    since: affected.reduce((first, { since }) => Math.min(first, since), Infinity),
    affected,
    hosts: hosts.size,
    deckies,
  };
}

/** `decky-2` before `decky-10`. */
const natural = new Intl.Collator('en', { numeric: true });
const compare = (a: string, b: string): number => natural.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
type Location = Pick<Affected, 'host' | 'name'>;
export const byLocation = (a: Location, b: Location): number =>
  compare(a.host ?? '', b.host ?? '') || compare(a.name ?? '', b.name ?? '');
const orderOf = ({ kind }: Incident): number => incidentKinds.indexOf(kind);
/** The control plane, hosts, deckies; of a kind the larger and the older first. */
const byOrder = (a: Incident, b: Incident): number =>
  orderOf(a) - orderOf(b) ||
  b.deckies - a.deckies ||
  a.since - b.since ||
  compare(a.cause, b.cause) ||
  compare(a.id, b.id);
