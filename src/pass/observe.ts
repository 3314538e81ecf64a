import type { Desired } from '../fleet/desired.ts';
import type { EngineAnswer } from '../fleet/plan/facts.ts';
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

export interface HostFacts {
  readonly before: HostRecord;
  readonly identity: string | null;
  readonly desired: Desired;
  readonly observed: EngineAnswer;
}

/**
 * Reads the host's generation, then its state file and its engine, each within its own time limit. The generation comes
 * first, so that the transaction detects a pass that ran in between. No transaction is open during these reads.
 */
export async function observe(
  request: Pick<PassRequest, 'host' | 'only' | 'dryRun'>,
  ports: { ledger: Ledger; stateFile: StateFile; engine: Engine; machine: Machine },
): Promise<HostFacts> {
  const before = await ports.ledger.host(request.host, { create: !request.dryRun });
  const [identity, desired, observed] = await Promise.all([
    ports.machine.identity(),
    ports.stateFile.read(),
    ports.engine.list({ only: request.only, containers: before.containers, generation: before.generation }),
  ]);
  return { before, identity, desired, observed };
}
