import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/lib/package.ts';
import { engineOf, type FakeEngine, quietEngine } from './fake-engine.ts';

/** One instant of a real DECNET host, with the right verdict for each decky. @see LIVING.md, "The recordings" */
export interface Recording {
  readonly name: string;
  /** ISO 8601. */
  readonly recorded_at: string;
  readonly host_uuid: string;
  /** Null: the file is absent. */
  readonly state_file: string | null;
  readonly containers: readonly object[];
  /** By the container's name. */
  readonly inspect: Readonly<Record<string, { readonly Id: string }>>;
  readonly events: readonly object[];
  readonly bus: readonly { readonly t: number; readonly topic: string; readonly payload: unknown }[];
  /** Null: no row. */
  readonly verdicts: Readonly<
    Record<string, { readonly state: string; readonly last_error_holds: string | null } | null>
  >;
  readonly undeclared: readonly string[];
}

const directory = join(packageRoot, 'test/fixtures/living');

export const recordings: readonly Recording[] = readdirSync(directory)
  .sort()
  .map((file) => JSON.parse(readFileSync(join(directory, file), 'utf8')) as Recording);

/** Docker as it was at the moment of a recording. */
export function recordedEngine({ containers, inspect, recorded_at }: Recording): Promise<FakeEngine> {
  const byId = new Map(Object.values(inspect).map((one) => [one.Id, one]));
  const answer = quietEngine({
    containers: containers.length,
    list: (response) => response.end(JSON.stringify(containers)),
    inspect: (container) => inspect[container] ?? byId.get(container) ?? null,
  });
  return engineOf((request, response) => {
    response.setHeader('date', new Date(recorded_at).toUTCString());
    answer(request, response);
  });
}
