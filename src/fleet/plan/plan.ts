import { textsOf } from '../../lib/json.ts';
import type { Decky } from '../decky.ts';
import { deckiesByName } from '../desired.ts';
import type { Change, Held, Plan } from './change.ts';
import { type Container, ContainerIndex, type Known } from './container-match.ts';
import { contested } from './contested.ts';
import { type DeckyDecision, decide, type ObservedDecky } from './decide.ts';
import type { Facts, Row } from './facts.ts';
import { LivingHost } from './living-host.ts';
import { type HeldEntry, type LeftEntry, mergeMemory } from './memory.ts';
import type { ObservedPorts, SilentEntries } from './ports.ts';

/**
 * Plans the changes of a host by the rules of CONTRACT.md ("Rules of a pass"). It does no I/O.
 * A pass takes the same steps, with pauses in between.
 */
export function plan(facts: Facts): Plan {
  const planner = new Planner(facts);
  for (const container of planner.containers) planner.addContainer(container);
  for (const name of planner.namesToSurvey) planner.survey(name);
  planner.beginDecisions();
  for (const row of facts.recorded) planner.decideRow(row);
  for (const name of planner.namesInScope) planner.decideMissing(name);
  for (const row of facts.decnet.strangers) planner.decideStranger(row);
  return planner.finish();
}

/**
 * Plans a host step by step: add all containers, survey the declared deckies, then decide every row, then every declared
 * decky without a row.
 */
export class Planner {
  /** The containers to add; empty if Docker did not answer. */
  readonly containers: readonly Container[];
  /** The declared deckies to check if a deployment may be under way; otherwise none. */
  readonly namesToSurvey: readonly string[];
  /** The names of the deckies in scope, which may not have a row yet. */
  readonly namesInScope: Iterable<string>;
  readonly #facts: Facts;
  readonly #desired: ReadonlyMap<string, Decky>;
  readonly #index: ContainerIndex | null;
  readonly #living: LivingHost;
  readonly #remaining = new Set<string>();
  readonly #recorded = new Set<string>();
  readonly #changes: Change[] = [];
  readonly #held: Held[] = [];
  readonly #heldEntries = new Map<string, HeldEntry>();
  readonly #left = new Map<string, LeftEntry>();
  readonly #silent = new Map<string, SilentEntries>();
  readonly #keptStrangers = new Set<string>();
  readonly #requeueAfterMs = new Map<string, number>();
  readonly #onObserved: ((name: string, observed: ObservedDecky) => void) | undefined;

  /** @param onObserved is given what is observed of each decky that is decided */
  constructor(facts: Facts, onObserved?: (name: string, observed: ObservedDecky) => void) {
    this.#facts = facts;
    this.#onObserved = onObserved;
    this.#desired = deckiesByName(facts.desired);
    const { observed } = facts;
    this.containers = observed.kind === 'ok' ? observed.containers : [];
    this.#index =
      observed.kind === 'ok'
        ? new ContainerIndex(knownServices(this.#desired, [...facts.recorded, ...facts.decnet.strangers]))
        : null;
    this.namesInScope = facts.only ?? this.#desired.keys();
    this.#living = new LivingHost(facts, this.#desired, this.#index);
    this.namesToSurvey = this.#living.namesToSurvey;
  }

  addContainer(container: Container): void {
    this.#index?.add(container);
  }

  survey(name: string): void {
    this.#living.survey(name);
  }

  beginDecisions(): void {
    this.#living.conclude();
  }

  decideRow(row: Row): void {
    this.#recorded.add(row.name);
    if (this.#isInScope(row.name)) this.#decide(row.name, row);
  }

  /** Decides about a name in scope that has no row. */
  decideMissing(name: string): void {
    if (!this.#recorded.has(name) && this.#desired.has(name)) this.#decide(name, null);
  }

  /** Decides by rule 3 about a row that only DECNET's table has, and that the file does not declare. */
  decideStranger(row: Row): void {
    const given = { row, decky: null, ...this.#living.of(row.name, null, false) };
    const { change, left, requeueAfterMs } = decide(given, this.#facts);
    if (change?.action !== 'delete') this.#keptStrangers.add(row.name);
    if (left !== null) this.#left.set(row.name, left);
    if (requeueAfterMs !== null) this.#requeueAfterMs.set(row.name, requeueAfterMs);
  }

  finish(): Plan {
    const { memory: before, only, observed } = this.#facts;
    const disputes = disputesOf(this.#facts, this.#changes, (name) => this.#isInScope(name));
    const entries = {
      held: this.#heldEntries,
      left: this.#left,
      contested: disputes,
      silent: this.#silent,
      decnet: before.decnet,
      portsUnchecked: observed.kind === 'ok' ? uncheckedIn(observed.ports) : before.portsUnchecked,
    };
    const memory = { ...entries, ...this.#living.memory((name) => this.#remaining.has(name)) };
    return {
      changes: this.#changes,
      held: this.#held,
      contested: [...disputes.keys()].sort(),
      memory: mergeMemory(before, memory, only),
      requeueAfterMs: this.#requeueAfterMs,
      keptStrangers: this.#keptStrangers,
      needsFullPass: only !== null && this.#living.hasDeploymentChanged(),
    };
  }

  #isInScope(name: string): boolean {
    return this.#facts.only === null || this.#facts.only.has(name);
  }

  #decide(name: string, row: Row | null): void {
    const decky = this.#desired.get(name) ?? null;
    const given = { row, decky, ...this.#living.of(name, decky, row === null) };
    this.#collect(name, decide(given, this.#facts));
  }

  #collect(name: string, decision: DeckyDecision): void {
    const { change, held, left, silent, requeueAfterMs, observed } = decision;
    if (observed !== null) this.#onObserved?.(name, observed);
    if (change !== null) this.#changes.push(change);
    if (change?.to !== null) this.#remaining.add(name);
    if (held !== null) {
      this.#held.push({ name, reason: held.inWords });
      const since = this.#facts.memory.held.get(name)?.since ?? this.#facts.now;
      this.#heldEntries.set(name, { reason: held.stored, since });
    }
    if (left !== null) this.#left.set(name, left);
    if (silent.size > 0 && change?.to !== null) this.#silent.set(name, silent);
    if (requeueAfterMs !== null) this.#requeueAfterMs.set(name, requeueAfterMs);
  }
}

const uncheckedIn = (ports: ObservedPorts): string | null => (ports.kind === 'unchecked' ? ports.why : null);

/** The services of each decky: those that the file declares, otherwise those of its row. */
function knownServices(desired: ReadonlyMap<string, Decky>, recorded: readonly Row[]): Known {
  const undeclared = new Map<string, readonly string[]>();
  for (const { name, services } of recorded) {
    if (!desired.has(name)) undeclared.set(name, textsOf(services));
  }
  return { get: (name) => desired.get(name)?.services ?? undeclared.get(name) };
}

/** The contested rows, including the changes of this plan. */
function disputesOf(
  facts: Facts,
  changes: readonly Change[],
  isInScope: (name: string) => boolean,
): ReadonlyMap<string, HeldEntry> {
  // A row without former transitions cannot be contested.
  const changedBefore = new Set(facts.recentTransitions.map(({ name }) => name));
  const planned = changes
    .filter(({ name, from, to }) => changedBefore.has(name) && from !== to)
    .map(({ name, from, to }) => ({ name, from, to, at: facts.now }));
  const found = contested([...facts.recentTransitions, ...planned], facts.now);
  const entries = new Map<string, HeldEntry>();
  for (const [name, reason] of found) {
    if (!isInScope(name)) continue;
    entries.set(name, { reason, since: facts.memory.contested.get(name)?.since ?? facts.now });
  }
  return entries;
}
