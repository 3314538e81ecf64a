import type { Desired } from '../fleet/desired.ts';
import type { EngineAnswer } from '../fleet/plan/facts.ts';
import type { HostRecord, Ledger } from './ledger.ts';
import type { PassRequest } from './request.ts';

export interface StateFile {
  readonly path: string;
  /** Never rejects: a file that cannot be used is `invalid`. */
  read(): Promise<Desired>;
}

/** This machine's Docker engine. */
export interface Engine {
  /**
   * @param look.only these deckies; null: all
   * @param look.containers how many there were the last time, which the time limit grows with
   * @param look.generation selects which suspects are inspected when there are more than one pass may ask about
   * Never rejects: an engine that does not answer in time is `unreachable`.
   */
  list(look: {
    only: ReadonlySet<string> | null;
    containers: number;
    generation: string;
  }): Promise<EngineAnswer>;
}

export interface Machine {
  /** A hash of what tells this machine from others; null: it cannot be told now. */
  identity(): Promise<string | null>;
}

export interface HostFacts {
  readonly before: HostRecord;
  readonly identity: string | null;
  readonly desired: Desired;
  readonly observed: EngineAnswer;
}

/**
 * Reads the host's generation first, so that a transaction of another pass is noticed later; then its state file and its
 * engine, each within its own time limit. No transaction is open meanwhile.
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
