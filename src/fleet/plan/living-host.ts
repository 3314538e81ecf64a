import { textsOf } from '../../lib/json.ts';
import { type Decky, expectedServices, isLegalName } from '../decky.ts';
import type { BrokenDeployment } from './cause.ts';
import type { ContainerIndex, ContainerMatch } from './container-match.ts';
import type { DeckyFacts } from './decide.ts';
import type { Facts } from './facts.ts';
import type { Memory } from './memory.ts';
import { observedState } from './observed-state.ts';
import {
  type Covered,
  coverOf,
  type Deployments,
  deploymentsAfter,
  madeAt,
  mayRollOut,
  noDeployments,
  type RolloutFacts,
} from './rollout.ts';
import { type Rotation, rotationOf } from './rotation.ts';
import { type Undeclared, undeclaredOf } from './undeclared.ts';

/** An engine may list containers of any number of deckies. */
const undeclaredAtMost = 1000;

/**
 * What DECNET is doing on the host: deployments, rotations, and deckies that it has left behind.
 * @see CONTRACT.md, "A living host"
 */
export class LivingHost {
  /** The declared deckies, if a deployment may be under way; otherwise none. */
  readonly namesToSurvey: readonly string[];
  readonly #facts: Facts;
  readonly #desired: ReadonlyMap<string, Decky>;
  readonly #index: ContainerIndex | null;
  readonly #times: Omit<RolloutFacts, 'survey'>;
  /** The engine's clock minus the database's, in seconds. */
  readonly #engineAheadSeconds: number;
  /** What is remembered of deployments and rotations, with the messages since. */
  readonly #reportedDeployments: Deployments;
  readonly #reportedRotations: ReadonlyMap<string, Rotation>;
  readonly #surveyed = { running: new Map<string, number>(), gone: 0 };
  #deployments: Deployments;
  readonly #neverRan = new Map<string, number>();
  readonly #broken = new Map<string, BrokenDeployment>();
  readonly #rotations: Map<string, Rotation>;

  constructor(facts: Facts, desired: ReadonlyMap<string, Decky>, index: ContainerIndex | null) {
    const { now, observed } = facts;
    this.#facts = facts;
    this.#desired = desired;
    this.#index = index;
    this.#times = { now, limitMs: facts.rolloutSeconds * 1000, fileChangedAt: facts.fileChangedAt };
    this.#engineAheadSeconds = observed.kind === 'ok' ? observed.now - now / 1000 : 0;
    this.#reportedDeployments = this.#deployments = reportedDeployments(facts);
    this.#reportedRotations = reportedRotations(facts, desired);
    this.#rotations = new Map(this.#reportedRotations);
    const isWhole = observed.kind === 'ok' && observed.isWhole && facts.desired.kind === 'declared';
    this.namesToSurvey = isWhole && mayRollOut(this.#deployments, this.#times) ? [...desired.keys()] : [];
  }

  survey(name: string): void {
    const decky = this.#desired.get(name) ?? null;
    const { match, rotation } = this.#matchOf(name, decky);
    if (match === null || decky === null) return;
    if (isGone(decky, match)) this.#surveyed.gone += 1;
    if (observedState(rotation?.services ?? decky.services, match).state !== 'running') return;
    this.#surveyed.running.set(name, madeAt(match, this.#engineAheadSeconds));
  }

  /** Concludes from the survey which deployments are under way. */
  conclude(): void {
    if (this.namesToSurvey.length > 0) {
      const survey = { ...this.#surveyed, names: new Set(this.namesToSurvey) };
      this.#deployments = deploymentsAfter(this.#reportedDeployments, { ...this.#times, survey });
    }
    for (const [name, since] of this.#deployments.neverRan) this.#neverRan.set(name, since);
    for (const [name, by] of this.#deployments.broken) this.#broken.set(name, by);
    this.#deployments = { ...this.#deployments, neverRan: this.#neverRan, broken: this.#broken };
  }

  /** @param isNew whether the file declares it and it has no row yet */
  of(name: string, decky: Decky | null, isNew: boolean): LivingFacts {
    const { match, rotation } = this.#matchOf(name, decky);
    if (rotation === null) this.#rotations.delete(name);
    else this.#rotations.set(name, rotation);
    if (decky === null && this.#facts.desired.kind !== 'invalid') this.#broken.delete(name);
    if (decky === null) return { match, rotation, covered: null, broken: null };
    const broken = this.#brokenBy(name, rotation?.services ?? decky.services, match);
    if (isNew && this.#isNewInFile()) this.#neverRan.set(name, this.#times.fileChangedAt);
    const covered = match === null ? null : this.#cover(name, rotation?.services ?? decky.services, match);
    // It runs, or its containers are older than its declaration.
    if (isNew && match !== null && covered === null) this.#neverRan.delete(name);
    return { match, rotation, covered, broken };
  }

  /** @param hasRow whether a decky has a row after this pass */
  memory(hasRow: (name: string) => boolean): Pick<Memory, 'deployments' | 'rotations' | 'undeclared'> {
    return {
      deployments: this.#deployments,
      rotations: this.#rotations,
      undeclared: this.#undeclared(hasRow),
    };
  }

  /** Whether this pass found that a deployment has begun or ended. */
  hasDeploymentChanged(): boolean {
    const before = this.#facts.memory.deployments;
    const { rollout, endedAt } = this.#deployments;
    return (rollout === null) !== (before.rollout === null) || endedAt !== before.endedAt;
  }

  #matchOf(name: string, decky: Decky | null): Pick<LivingFacts, 'match' | 'rotation'> {
    // Without a valid file a decky keeps the rotation that is remembered.
    const isUnknown = this.#facts.desired.kind === 'invalid';
    const declared = decky?.services ?? (isUnknown ? this.#reportedRotations.get(name)?.declared : undefined);
    const match = this.#index?.matchOf(name, declared) ?? null;
    if (declared === undefined) return { match, rotation: null };
    const rotation = rotationOf(declared, match, this.#reportedRotations.get(name));
    if (rotation === null || match === null || this.#index === null) return { match, rotation };
    return { match: this.#index.matchOf(name, rotation.services), rotation };
  }

  /** The deployment that left a decky down, until it runs. */
  #brokenBy(
    name: string,
    services: readonly string[],
    match: ContainerMatch | null,
  ): BrokenDeployment | null {
    const broken = this.#broken.get(name);
    if (broken === undefined) return null;
    if (match === null || observedState(services, match).state !== 'running') return broken;
    this.#broken.delete(name);
    return null;
  }

  /** Null also where it runs. */
  #cover(name: string, services: readonly string[], match: ContainerMatch): Covered | null {
    const { now, limitMs } = this.#times;
    if (limitMs === 0 || (this.#deployments.rollout === null && !this.#neverRan.has(name))) return null;
    if (observedState(services, match).state === 'running') return null;
    const engineAheadSeconds = this.#engineAheadSeconds;
    return coverOf({
      name,
      services,
      match,
      deployments: this.#deployments,
      now,
      limitMs,
      engineAheadSeconds,
    });
  }

  #isNewInFile(): boolean {
    const { now, limitMs, fileChangedAt } = this.#times;
    return now - fileChangedAt < limitMs && fileChangedAt > this.#deployments.endedAt;
  }

  #undeclared(hasRow: (name: string) => boolean): ReadonlyMap<string, Undeclared> {
    const { memory, only, observed, desired, now } = this.#facts;
    const isComplete =
      only === null && observed.kind === 'ok' && observed.isWhole && desired.kind !== 'invalid';
    if (!isComplete || this.#index === null) return memory.undeclared;
    const found = new Map<string, Undeclared>();
    if (this.#deployments.rollout !== null) return found;
    for (const [name, containers] of this.#index.byDecky()) {
      if (this.#desired.has(name) || hasRow(name) || !isLegalName(name)) continue;
      const undeclared = undeclaredOf(containers, memory.undeclared.get(name)?.since ?? now);
      if (undeclared !== null && found.size < undeclaredAtMost) found.set(name, undeclared);
    }
    return found;
  }
}

/** Whether a decky has no container of any service; if it expects none, no base container. */
const isGone = ({ services }: Decky, match: ContainerMatch): boolean =>
  expectedServices(services).length === 0
    ? match.base === null
    : match.services.size === 0 && match.strays.length === 0;

/** What the planner asks about one decky. */
type LivingFacts = Pick<DeckyFacts, 'match' | 'rotation' | 'covered' | 'broken'>;

function reportedDeployments({ memory, explanations, now, desired, rolloutSeconds }: Facts): Deployments {
  const before = memory.deployments;
  const endedAt = before.rollout === null ? before.endedAt : now;
  if (rolloutSeconds === 0) return { ...noDeployments, endedAt, broken: before.broken };
  // A fleet that was torn down is not deployed any more.
  const isTornDown = desired.kind === 'absent' || (desired.kind === 'declared' && desired.deckies.size === 0);
  const lifecycles = new Map(memory.deployments.lifecycles);
  for (const [name, status] of explanations.lifecycles) lifecycles.set(name, { status, at: now });
  return isTornDown ? { ...noDeployments, endedAt, lifecycles } : { ...before, lifecycles };
}

function reportedRotations(
  { memory, explanations, desired: file, recorded }: Facts,
  desired: ReadonlyMap<string, Decky>,
): ReadonlyMap<string, Rotation> {
  const isUnknown = file.kind === 'invalid';
  const rotations = new Map([...memory.rotations].filter(([name]) => isUnknown || desired.has(name)));
  const declaredOf = (name: string): readonly string[] | undefined => {
    if (!isUnknown) return desired.get(name)?.services;
    const services = recorded.find((row) => row.name === name)?.services;
    return memory.rotations.get(name)?.declared ?? (services && textsOf(services));
  };
  for (const [name, services] of explanations.mutations) {
    const declared = declaredOf(name);
    if (declared !== undefined) rotations.set(name, { services, declared, isReported: true });
  }
  return rotations;
}
