import { type Desired, deckiesByName } from '../fleet/desired.ts';
import type { Container } from '../fleet/plan/container-match.ts';
import { type Explanations, noExplanations } from '../fleet/plan/explanations.ts';
import type { EngineAnswer } from '../fleet/plan/facts.ts';
import { hasDeployments } from '../fleet/plan/rollout.ts';
import type { DecnetRows, DecnetSync } from './decnet-sync.ts';
import type { HostRecord, Ledger } from './ledger.ts';
import type { PassRequest } from './request.ts';

export interface StateFile {
  readonly path: string;
  /** Never rejects; an unusable file is `invalid`. */
  read(): Promise<Desired>;
}

/** This machine's Docker engine. */
export interface Engine {
  /**
   * Lists the containers. Never rejects; an engine that does not answer in time is `unreachable`.
   * @param request.only only these deckies; null: all
   * @param request.containers the number of containers at the last pass; the time limit grows with it
   * @param request.generation selects the suspects to inspect when there are more than one pass may inspect
   */
  list(request: {
    only: ReadonlySet<string> | null;
    containers: number;
    generation: string;
  }): Promise<EngineAnswer>;
}

export interface Machine {
  /** A hash that identifies this machine; null: it cannot be determined now. */
  identity(): Promise<string | null>;
}

/** What was heard on this host since the last pass. */
export interface Hearing {
  explanations(): Explanations;
  /** Forgets the messages that a pass has recorded. */
  recorded(explanations: Explanations): void;
}

/** For a process that listens to no messages. */
export const noHearing: Hearing = { explanations: () => noExplanations, recorded: () => undefined };

export interface HostFacts {
  readonly before: HostRecord;
  readonly identity: string | null;
  readonly desired: Desired;
  readonly explanations: Explanations;
  readonly observed: EngineAnswer;
  /** DECNET's own table; null: it is not kept, or does not answer. */
  readonly decnet: DecnetRows | null;
}

/**
 * Reads the host's generation, then its state file and its engine, each within its own time limit. The generation comes
 * first, so that the transaction detects a pass that ran in between. No transaction is open during these reads.
 */
export async function observe(
  request: Pick<PassRequest, 'host' | 'only' | 'dryRun' | 'rolloutSeconds'>,
  ports: {
    ledger: Ledger;
    stateFile: StateFile;
    engine: Engine;
    machine: Machine;
    hearing: Hearing;
    decnet: DecnetSync | null;
  },
): Promise<HostFacts> {
  const before = await ports.ledger.host(request.host, { create: !request.dryRun });
  const explanations = ports.hearing.explanations();
  const list = (only: PassRequest['only']): Promise<EngineAnswer> =>
    ports.engine.list({ only, containers: before.containers, generation: before.generation });
  const reading = ports.stateFile.read();
  const listing =
    request.only === null || isRollingOut(before, explanations)
      ? list(null)
      : reading.then((desired) => listSome(request, desired, list));
  const [identity, desired, observed, decnet] = await Promise.all([
    ports.machine.identity(),
    reading,
    listing,
    ports.decnet?.read(request.only) ?? null,
  ]);
  return { before, identity, desired, explanations, observed, decnet };
}

/** While a fleet is deployed, what one decky is depends on all the others. */
const isRollingOut = ({ memory }: HostRecord, explanations: Explanations): boolean =>
  explanations.lifecycles.size > 0 || hasDeployments(memory.deployments);

/** Lists some deckies; all, if one of them is gone so soon after a change of the file that the fleet may be deployed. */
async function listSome(
  { only, rolloutSeconds }: Pick<PassRequest, 'only' | 'rolloutSeconds'>,
  desired: Desired,
  list: (only: PassRequest['only']) => Promise<EngineAnswer>,
): Promise<EngineAnswer> {
  const some = await list(only);
  const now = Date.now();
  const isRecent = now - fileChangedAt(desired, now) < rolloutSeconds * 1000;
  if (!isRecent || some.kind !== 'ok' || only === null) return some;
  const declared = deckiesByName(desired);
  const isOneGone = [...only].some((name) => declared.has(name) && !hasService(name, some.containers));
  return isOneGone ? list(null) : some;
}

const hasService = (decky: string, containers: readonly Container[]): boolean =>
  containers.some((one) => one.decky === decky || (one.decky === null && one.name.startsWith(`${decky}-`)));

/** Milliseconds that a file's time may be ahead: more is not a time at which it was written. */
const aheadAtMostMs = 5000;

/**
 * When the file changed, on the clock that says `now`; 0: unknown.
 * @param now the same instant as the call, epoch milliseconds
 */
export function fileChangedAt(desired: Desired, now: number): number {
  if (desired.kind !== 'declared' || desired.changedAt === null) return 0;
  const ageMs = Date.now() - desired.changedAt;
  return ageMs < -aheadAtMostMs ? 0 : now - Math.max(0, ageMs);
}
