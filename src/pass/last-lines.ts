import { type BrokenContainer, brokenContainers } from '../fleet/broken-containers.ts';
import { baseContainer, type DeckyLines, keptLines } from '../fleet/last-lines.ts';
import type { Transition } from '../fleet/plan/change.ts';
import type { EngineAnswer } from '../fleet/plan/facts.ts';
import type { Ledger } from './ledger.ts';

/** The logs of this host's containers. */
export interface ContainerLogs {
  /** The last lines of a container's log, oldest first. @throws Error when they cannot be read */
  read(container: string, lines: number, signal: AbortSignal): Promise<readonly string[]>;
}

/** Milliseconds for the logs of one pass. A message waits for 2 s without a change, so that they arrive before it is written. */
const readWithinMs = 1000;
/** Passes whose logs are read at the same time; those of further ones are left out. */
const concurrentPasses = 4;

/**
 * Reads the last lines of the containers that took a decky down, for `DECNET_NOTIFY_LOGS`. It works beside the passes: none
 * waits for it, and none fails with it.
 * @param linesWanted lines of a container
 */
export class LastLinesReader {
  readonly #logs: ContainerLogs;
  readonly #ledger: Pick<Ledger, 'noteLastLines'>;
  readonly #linesWanted: number;
  readonly #reading = new Set<Promise<void>>();

  constructor(logs: ContainerLogs, ledger: Pick<Ledger, 'noteLastLines'>, linesWanted: number) {
    this.#logs = logs;
    this.#ledger = ledger;
    this.#linesWanted = linesWanted;
  }

  /** Begins to read the logs of what a pass has found down. */
  broke(host: string, transitions: readonly Transition[], observed: EngineAnswer): void {
    const broken = brokenContainers(transitions, observed);
    if (broken.length === 0 || this.#reading.size >= concurrentPasses) return;
    // Without its lines a message is still complete.
    const reading = this.#record(host, broken).catch(() => undefined);
    this.#reading.add(reading);
    void reading.then(() => this.#reading.delete(reading));
  }

  /** Waits for what is being read. */
  async close(): Promise<void> {
    await Promise.all(this.#reading);
  }

  async #record(host: string, broken: readonly BrokenContainer[]): Promise<void> {
    const signal = AbortSignal.timeout(readWithinMs);
    const read = broken.map(async ({ decky, state, service, container }): Promise<readonly DeckyLines[]> => {
      const lines = keptLines(
        await this.#logs.read(container, this.#linesWanted, signal).catch(() => []),
        this.#linesWanted,
      );
      return lines.length === 0 ? [] : [{ name: decky, state, lines: { [service ?? baseContainer]: lines } }];
    });
    const found = (await Promise.all(read)).flat();
    if (found.length > 0) await this.#ledger.noteLastLines(host, found);
  }
}
