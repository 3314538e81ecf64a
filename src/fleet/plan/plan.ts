import { textsOf } from '../../lib/json.ts';
import type { Decky } from '../decky.ts';
import { deckiesByName } from '../desired.ts';
import type { Change, Held, Plan } from './change.ts';
import { type Container, ContainerIndex, type Known } from './container-match.ts';
import { contested } from './contested.ts';
import { type DeckyDecision, decide } from './decide.ts';
import type { Facts, Row } from './facts.ts';
import { type HeldNote, type LeftNote, mergeMemory } from './memory.ts';

/**
 * Plans the changes of a host by the rules of CONTRACT.md ("Rules of a pass"). It does no I/O.
 * A pass takes the same steps, with pauses in between.
 */
export function plan(facts: Facts): Plan {
  const planner = new Planner(facts);
  for (const container of planner.containers) planner.addContainer(container);
  for (const row of facts.recorded) planner.decideRow(row);
  for (const name of planner.namesInScope) planner.decideMissing(name);
  return planner.finish();
}

/** Plans a host step by step: add all containers, then decide every row, then every declared decky without a row. */
export class Planner {
  /** The containers to add; empty if Docker did not answer. */
  readonly containers: readonly Container[];
  /** The names of the deckies in scope, which may not have a row yet. */
  readonly namesInScope: Iterable<string>;
  readonly #facts: Facts;
  readonly #desired: ReadonlyMap<string, Decky>;
  readonly #index: ContainerIndex | null;
  readonly #recorded = new Set<string>();
  readonly #changes: Change[] = [];
  readonly #held: Held[] = [];
  readonly #heldNotes = new Map<string, HeldNote>();
  readonly #left = new Map<string, LeftNote>();
  readonly #requeueAfter = new Map<string, number>();

  constructor(facts: Facts) {
    this.#facts = facts;
    this.#desired = deckiesByName(facts.desired);
    const { observed } = facts;
    this.containers = observed.kind === 'ok' ? observed.containers : [];
    this.#index =
      observed.kind === 'ok' ? new ContainerIndex(knownServices(this.#desired, facts.recorded)) : null;
    this.namesInScope = facts.only ?? this.#desired.keys();
  }

  addContainer(container: Container): void {
    this.#index?.add(container);
  }

  decideRow(row: Row): void {
    this.#recorded.add(row.name);
    if (this.#isInScope(row.name)) this.#decide(row.name, row);
  }

  /** Decides about a name in scope that has no row. */
  decideMissing(name: string): void {
    if (!this.#recorded.has(name) && this.#desired.has(name)) this.#decide(name, null);
  }

  finish(): Plan {
    const disputes = disputesOf(this.#facts, this.#changes, (name) => this.#isInScope(name));
    const memory = { held: this.#heldNotes, left: this.#left, contested: disputes };
    return {
      changes: this.#changes,
      held: this.#held,
      contested: [...disputes.keys()].sort(),
      memory: mergeMemory(this.#facts.memory, memory, this.#facts.only),
      requeueAfter: this.#requeueAfter,
    };
  }

  #isInScope(name: string): boolean {
    return this.#facts.only === null || this.#facts.only.has(name);
  }

  #decide(name: string, row: Row | null): void {
    const decky = this.#desired.get(name) ?? null;
    const match = this.#index?.matchOf(name) ?? null;
    this.#collect(name, decide({ row, decky, match }, this.#facts));
  }

  #collect(name: string, { change, held, left, requeueAfterMs }: DeckyDecision): void {
    if (change !== null) this.#changes.push(change);
    if (held !== null) {
      this.#held.push({ name, reason: held.inWords });
      const since = this.#facts.memory.held.get(name)?.since ?? this.#facts.now;
      this.#heldNotes.set(name, { reason: held.noted, since });
    }
    if (left !== null) this.#left.set(name, left);
    if (requeueAfterMs !== null) this.#requeueAfter.set(name, requeueAfterMs);
  }
}

/** The services of each decky: those that the file declares, otherwise those of its row. */
export function knownServices(desired: ReadonlyMap<string, Decky>, recorded: readonly Row[]): Known {
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
): ReadonlyMap<string, HeldNote> {
  // A row without former transitions cannot be contested.
  const changedBefore = new Set(facts.recentTransitions.map(({ name }) => name));
  const planned = changes
    .filter(({ name, from, to }) => changedBefore.has(name) && from !== to)
    .map(({ name, from, to }) => ({ name, from, to, at: facts.now }));
  const found = contested([...facts.recentTransitions, ...planned], facts.now);
  const notes = new Map<string, HeldNote>();
  for (const [name, reason] of found) {
    if (!isInScope(name)) continue;
    notes.set(name, { reason, since: facts.memory.contested.get(name)?.since ?? facts.now });
  }
  return notes;
}
