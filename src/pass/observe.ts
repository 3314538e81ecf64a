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
   * @param look.turn rotates which suspects are inspected when there are more than one pass may ask about
   * Never rejects: an engine that does not answer in time is `unreachable`.
   */
  list(look: { only: ReadonlySet<string> | null; containers: number; turn: string }): Promise<EngineAnswer>;
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
 * Looks at the host: first the number of its turn, so that whatever another turn writes from here on is noticed, then
 * its file and its engine, each within its own time limit. No transaction is open meanwhile.
 */
export async function observe(
  request: Pick<PassRequest, 'host' | 'only' | 'dryRun'>,
  ports: { ledger: Ledger; stateFile: StateFile; engine: Engine; machine: Machine },
): Promise<HostFacts> {
  const before = await ports.ledger.host(request.host, { create: !request.dryRun });
  const [identity, desired, observed] = await Promise.all([
    ports.machine.identity(),
    ports.stateFile.read(),
    ports.engine.list({ only: request.only, containers: before.containers, turn: before.turn }),
  ]);
  return { before, identity, desired, observed };
}
