import { alertUpdates, explanationUpdates, reasonUpdates } from '../fleet/alerts/alert.ts';
import { addPass, type PassResult } from '../fleet/figures.ts';
import { fellWithEngine } from '../fleet/plan/cause.ts';
import { countsOf, type Plan, transitionsOf } from '../fleet/plan/change.ts';
import { rivalsOf } from '../fleet/plan/container-match.ts';
import type { ObservedDecky } from '../fleet/plan/decide.ts';
import type { Row } from '../fleet/plan/facts.ts';
import type { Observation } from '../fleet/plan/observed-state.ts';
import { FleetError } from '../lib/errors.ts';
import { longestReason, printable, shortened } from '../lib/text.ts';
import type { DecnetSync } from './decnet-sync.ts';
import { type DecnetStep, decnetWritesOf, planDecnet } from './keep-decnet.ts';
import type { CommittedTransition, HostTransaction } from './ledger.ts';
import { fileChangedAt, type HostFacts } from './observe.ts';
import { planHost } from './plan-host.ts';
import type { PassRequest } from './request.ts';
import { noSpans, type Spans } from './spans.ts';

export interface Decided {
  readonly plan: Plan;
  /** What was written; empty after a dry run. */
  readonly transitions: readonly CommittedTransition[];
  readonly recorded: readonly Row[];
  /** What is observed of the deckies that a dry run is about; empty after any other pass. */
  readonly observed: ReadonlyMap<string, ObservedDecky>;
  /** What DECNET's table needs; null: it is not kept, or this is a dry run. */
  readonly decnet: DecnetStep | null;
}

/** Plans and applies within the host transaction. @throws FleetError OTHER_MACHINE, with nothing written */
export async function planAndApply(
  transaction: HostTransaction,
  given: HostFacts,
  request: Omit<PassRequest, 'host' | 'job'>,
  { decnet, spans = noSpans }: { readonly decnet: DecnetSync | null; readonly spans?: Spans | undefined },
): Promise<Decided> {
  checkMachine(transaction.host.host, transaction.host.identity, given.identity);
  const recorded = await transaction.recorded(given.desired, rivals(given, request));
  const recentTransitions = await transaction.recentTransitions();
  const { now } = transaction;
  const { graceSeconds } = request;
  const facts = {
    now,
    graceSeconds,
    only: request.only,
    desired: given.desired,
    recorded,
    observed: given.observed,
    memory: transaction.host.memory,
    explanations: given.explanations,
    rolloutSeconds: request.rolloutSeconds,
    fileChangedAt: fileChangedAt(given.desired, now),
    recentTransitions,
    decnet: decnetWritesOf(decnet, given, { now, graceSeconds, recorded, recentTransitions }),
  };
  if (request.dryRun) {
    const found = new Map<string, ObservedDecky>();
    const isShown = request.only !== null;
    const planned = await spans.within('plan', () =>
      planHost(facts, (name, one) => isShown && found.set(name, one)),
    );
    return { plan: planned, transitions: [], recorded, observed: found, decnet: null };
  }
  const fallen = new Map<string, Observation>();
  const decided = await spans.within('plan', () =>
    planHost(facts, (name, { observation }) => {
      if (fellWithEngine(observation.cause)) fallen.set(name, observation);
    }),
  );
  request.requireLock();
  const transitions = await transaction.apply(decided.changes);
  await transaction.alert([
    ...alertUpdates(transitions, transaction.host.memory),
    ...reasonUpdates(decided.changes),
    ...explanationUpdates(fallen),
  ]);
  const applied = { plan: decided, recorded, transitions };
  const step = await planDecnet(decnet, given.decnet, transaction, request, applied);
  const { eventAt } = request;
  const eventSeconds = eventAt === null || transitions.length === 0 ? null : (Date.now() - eventAt) / 1000;
  await transaction.record({
    identity: given.identity,
    observed: given.observed.kind === 'ok',
    error: passFault(given),
    counts: {
      ...countsOf(transitions),
      held: decided.held.length,
      deckies: recorded.length + growth(transitions),
      containers:
        given.observed.kind === 'ok' ? given.observed.containers.length : transaction.host.containers,
    },
    memory: { ...decided.memory, decnet: step?.fact ?? null },
    figures: addPass(transaction.host.figures, {
      result: resultOf(given),
      // This excludes the commit, which follows.
      seconds: (performance.now() - request.startedMs) / 1000,
      changes: countsOf(transitions),
      eventSeconds,
    }),
  });
  return { ...applied, observed: new Map(), decnet: step };
}

/** How many more rows there are after these transitions. */
const growth = (transitions: readonly CommittedTransition[]): number =>
  transitions.reduce((sum, { from, to }) => sum + Number(from === null) - Number(to === null), 0);

const rivals = ({ observed }: HostFacts, { only }: Pick<PassRequest, 'only'>): readonly string[] =>
  only === null || observed.kind !== 'ok' ? [] : rivalsOf(only, observed.containers);

/** The transitions that a plan would add to the history. */
export const plannedTransitions = (decided: Plan): ReturnType<typeof transitionsOf> =>
  decided.changes.flatMap(transitionsOf);

/** Why a pass is incomplete, in text that stays the same while the fault lasts; null: it is complete. */
export function passFault({ desired, observed }: HostFacts): string | null {
  const faults = [
    ...(desired.kind === 'invalid' ? [desired.error.message] : []),
    ...(observed.kind === 'unreachable' ? [`Docker does not answer: ${observed.reason}`] : []),
  ];
  return faults.length === 0 ? null : shortened(printable(faults.join('; ')), 2 * longestReason);
}

function resultOf({ desired, observed }: HostFacts): PassResult {
  if (desired.kind === 'invalid') return 'failed';
  return observed.kind === 'unreachable' ? 'docker_unreachable' : 'ok';
}

/**
 * Two installations with the same `host_uuid` would delete each other's rows.
 * @see CONTRACT.md, "Whose host this is"
 */
function checkMachine(host: string, recorded: string | null, here: string | null): void {
  if (recorded === null || recorded === here) return;
  throw new FleetError(
    'OTHER_MACHINE',
    here === null
      ? `Host ${host} is recorded as machine ${recorded}. This machine cannot be identified: it has no machine id, and Docker does not answer`
      : `Host ${host} is recorded as machine ${recorded}, and this is machine ${here}`,
    {
      advice:
        'Nothing was written. Give one of the machines a different DECNET_HOST_UUID, or run `decnet-fleet reconcile --once --take-over` here if this machine replaces the other',
    },
  );
}
