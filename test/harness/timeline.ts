import assert from 'node:assert/strict';
import type { Desired } from '../../src/fleet/desired.ts';
import type { Container } from '../../src/fleet/plan/container-match.ts';
import { type LifecycleStatus, noExplanations } from '../../src/fleet/plan/explanations.ts';
import type { EngineAnswer, Facts } from '../../src/fleet/plan/facts.ts';
import { plan } from '../../src/fleet/plan/plan.ts';
import { portsOff } from '../../src/fleet/plan/ports.ts';
import {
  absent,
  now as begin,
  container,
  decky,
  declared,
  exited,
  facts,
  invalid,
  row,
  serviceOf,
  unreachable,
} from './facts.ts';
import { applied } from './planned.ts';

/** What Docker shows of a decky with a base and one service, ssh. `exited`: its service has, and its base runs. */
export const shownKinds = [
  'up',
  'gone',
  'created',
  'exited',
  'removing',
  'base',
  'cut off',
  'unhealthy',
  'loop',
] as const;
export type Shown = (typeof shownKinds)[number];

/** One observation of a host. What a step does not give stays as it was. */
export interface Step {
  /** Seconds since the timeline began. */
  readonly at: number;
  /** The file is written now, and declares these. */
  readonly file?: readonly string[] | 'absent' | 'invalid';
  /** Seconds after which the file's time says it was written; default: now. */
  readonly fileTime?: number;
  readonly docker?: Readonly<Record<string, Shown>> | 'silent';
  readonly reported?: Readonly<Record<string, LifecycleStatus>>;
  /** `web running, mail pending`; default: not looked at. */
  readonly rows?: string;
  /** The errors of some rows. */
  readonly errors?: Readonly<Record<string, string | null>>;
  /** The names of the undeclared deckies; default: not looked at. */
  readonly undeclared?: string;
}

interface ShownDecky {
  readonly shown: Shown;
  readonly since: number;
  readonly madeAt: number;
}

/** A host of which a pass is made at each step. */
export class Timeline {
  readonly #limit: number;
  #facts: Facts;
  #deckies = new Map<string, ShownDecky>();
  #isSilent = false;

  /** @param rollout `DECNET_ROLLOUT` @param names deckies that have been running for long */
  constructor(rollout: number, names: readonly string[] = []) {
    this.#limit = rollout;
    const long = { since: -3600, madeAt: -3600 };
    for (const name of names) this.#deckies.set(name, { shown: 'up', ...long });
    this.#facts = facts({
      rolloutSeconds: rollout,
      desired: declared(...names.map((name) => decky(name))),
      recorded: names.map((name) => row(name)),
    });
  }

  get facts(): Facts {
    return this.#facts;
  }

  /** Takes a step, with a pass over all deckies. */
  step(step: Step): void {
    const given = this.#given(step);
    this.#compareNarrowPasses(given, step.at);
    const { plan: made, facts: after } = applied(given);
    const again = applied({ ...after, explanations: noExplanations });
    assert.deepEqual(again.plan.changes, [], `a second pass at ${step.at}`);
    assert.deepEqual(again.facts.memory, after.memory, `the memory of a second pass at ${step.at}`);
    for (const wait of made.requeueAfterMs.values())
      assert.ok(wait >= 0 && wait <= this.#limit * 1000, `looked at again in ${wait} ms at ${step.at}`);
    this.#facts = { ...after, explanations: noExplanations };
    this.#compare(step);
  }

  #given({ at, file, fileTime = at, docker = {}, reported = {} }: Step): Facts {
    const now = begin + at * 1000;
    this.#isSilent = docker === 'silent';
    for (const [name, shown] of Object.entries(docker === 'silent' ? {} : docker)) {
      const before = this.#deckies.get(name) ?? { shown: 'gone', madeAt: at };
      const madeAt = before.shown === 'gone' ? at : before.madeAt;
      this.#deckies.set(name, { shown, since: at, madeAt });
    }
    const desired: Desired =
      file === undefined
        ? this.#facts.desired
        : file === 'absent'
          ? absent
          : file === 'invalid'
            ? invalid
            : declared(...file.map((name) => decky(name)));
    return {
      ...this.#facts,
      now,
      desired,
      ...(file !== undefined && { fileChangedAt: begin + fileTime * 1000 }),
      observed: this.#isSilent ? unreachable : this.#answer(at),
      explanations: { ...noExplanations, lifecycles: new Map(Object.entries(reported)) },
    };
  }

  #answer(at: number): EngineAnswer {
    const containers = [...this.#deckies].flatMap(([name, one]) => containersOf(name, one, at));
    return { kind: 'ok', containers, isWhole: true, now: begin / 1000 + at, ports: portsOff };
  }

  /** While a fleet may be deployed, a pass over one decky lists all, and decides the same about it as a pass over all. */
  #compareNarrowPasses(given: Facts, at: number): void {
    const full = plan(given);
    const { deployments: was } = given.memory;
    const { deployments: is } = full.memory;
    const isOther = (was.rollout === null) !== (is.rollout === null) || was.endedAt !== is.endedAt;
    const names = given.desired.kind === 'declared' ? [...given.desired.deckies.keys()] : [];
    for (const name of names) {
      const alone = plan({ ...given, only: new Set([name]) });
      const of = ({ changes }: { changes: readonly { name: string }[] }) =>
        changes.filter((change) => change.name === name);
      assert.deepEqual(of(alone), of(full), `${name} alone at ${at}`);
      assert.equal(alone.requeueAfterMs.get(name), full.requeueAfterMs.get(name), `${name} alone at ${at}`);
      assert.equal(alone.needsFullPass, isOther, `a full pass is asked for at ${at}`);
    }
    assert.equal(full.needsFullPass, false);
  }

  #compare({ at, rows, errors = {}, undeclared }: Step): void {
    const { recorded, memory } = this.#facts;
    const found = recorded.map(({ name, state }) => `${name} ${state}`).join(', ');
    const why = recorded.map(({ name, lastError }) => `${name}: ${lastError}`).join('\n');
    if (rows !== undefined) assert.equal(found, rows, `at ${at}:\n${why}`);
    for (const [name, error] of Object.entries(errors))
      assert.equal(recorded.find((one) => one.name === name)?.lastError, error, `${name} at ${at}`);
    if (undeclared !== undefined)
      assert.equal([...memory.undeclared.keys()].join(' '), undeclared, `at ${at}`);
  }
}

function containersOf(name: string, { shown, since, madeAt }: ShownDecky, at: number): readonly Container[] {
  const common = { createdAt: begin / 1000 + madeAt, ageSeconds: at - since };
  const base = (more: Partial<Container> = {}): Container =>
    container(name, { ...common, isOfDecnet: true, ...more });
  const ssh = (more: Partial<Container> = {}): Container =>
    serviceOf(name, 'ssh', { ...common, network: 'shared', owner: name, ...more });
  const of: Readonly<Record<Shown, readonly Container[]>> = {
    up: [base(), ssh()],
    gone: [],
    created: [base({ state: 'created' }), ssh({ state: 'created' })],
    exited: [base(), ssh(exited(1))],
    removing: [base(), ssh({ state: 'removing' })],
    base: [base()],
    'cut off': [base(), ssh({ network: 'cut off' })],
    unhealthy: [base(), ssh({ unhealthy: true })],
    loop: [base(), ssh({ loop: { kind: 'loop', endsIn: 10 } })],
  };
  return of[shown];
}

/** A timeline with its name. */
export interface Table {
  /** The deckies that have been running for long. */
  readonly fleet?: readonly string[];
  /** Default: 900, as `DECNET_ROLLOUT`. */
  readonly limit?: number;
  readonly steps: readonly Step[];
}

/** Takes all steps of a table. */
export function take({ fleet = [], limit = 900, steps }: Table): void {
  const timeline = new Timeline(limit, fleet);
  for (const step of steps) timeline.step(step);
}

/** Docker shows the same of these deckies. */
export const all = (names: readonly string[], shown: Shown): Record<string, Shown> =>
  Object.fromEntries(names.map((name) => [name, shown]));
