/** Both ends of the measurement from Docker's event to a row: when a container died, and when its row was committed. */
import { createInterface } from 'node:readline';
import type pg from 'pg';
import type { TestEngine } from '../test/harness/docker.ts';
import { waitFor } from '../test/harness/wait.ts';

/** The time limit for a row to follow its container, in milliseconds. */
const followsWithin = 20_000;

/** The times of container deaths. */
export interface DieEvents {
  /** Resolves with the next death of a container, epoch milliseconds. */
  next(container: string): Promise<number>;
  stop(): void;
}

/** The time of each container's death from the engine's events; its clock is this machine's. */
export async function dieEvents(engine: TestEngine): Promise<DieEvents> {
  const waiting = new Map<string, (at: number) => void>();
  const stream = await engine.docker.getEvents({ filters: { event: ['die'] } });
  stream.on('error', () => undefined);
  const lines = createInterface({ input: stream });
  lines.on('error', () => undefined);
  lines.on('line', (line) => {
    const event = JSON.parse(line) as { timeNano: number; Actor: { Attributes: { name: string } } };
    waiting.get(event.Actor.Attributes.name)?.(event.timeNano / 1e6);
  });
  return {
    next: (container) => new Promise((done) => waiting.set(container, done)),
    stop: () => (stream as unknown as { destroy(): void }).destroy(),
  };
}

/**
 * The time at which other sessions can read a row's new state, in epoch milliseconds. The row is polled, since it contains only
 * the time of the write, by its whole key, so that the cost does not depend on the fleet.
 * @throws Error after 20 s
 */
export async function committedAt(
  client: pg.Client,
  host: string,
  name: string,
  state: string,
): Promise<number> {
  const until = performance.now() + followsWithin;
  while (performance.now() < until) {
    const { rowCount } = await client.query({
      name: 'row-state',
      text: 'select 1 from fleet_deckies where host_uuid = $1 and name = $2 and state = $3',
      values: [host, name, state],
    });
    if (rowCount === 1) return performance.timeOrigin + performance.now();
  }
  throw new Error(`the row of ${name} did not become ${state} within ${followsWithin / 1000} s`);
}

/** Waits until `count` rows are running. @param within milliseconds */
export async function rowsRunning(client: pg.Client, count: number, within?: number): Promise<void> {
  const text = `select count(*)::int as count from fleet_deckies where state = 'running'`;
  await waitFor(async () => (await client.query<{ count: number }>(text)).rows[0]?.count === count, within);
}
