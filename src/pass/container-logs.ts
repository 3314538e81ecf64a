import type { DeckyView } from '../fleet/job.ts';
import { keptLines } from '../fleet/last-lines.ts';
import type { ContainerLogs } from './last-lines.ts';

/** Milliseconds for all logs of a job: whoever asked waits for its result. */
const readWithinMs = 2000;
/** Containers whose logs are read for one job. */
const containersAtMost = 20;

/** The views with the last lines of each container's log. A log that cannot be read is left out. */
export async function withLogs(
  views: readonly DeckyView[],
  logs: ContainerLogs,
  linesWanted: number,
): Promise<readonly DeckyView[]> {
  const signal = AbortSignal.timeout(readWithinMs);
  const names = views
    .flatMap(({ observed }) => observed?.containers ?? [])
    .slice(0, containersAtMost)
    .map(({ name }) => name);
  const read = await Promise.all(
    names.map(async (name) => {
      const lines = await logs.read(name, linesWanted, signal).catch(() => null);
      return lines === null ? [] : [[name, keptLines(lines, linesWanted)] as const];
    }),
  );
  const found = new Map(read.flat());
  return views.map((view) =>
    view.observed === null
      ? view
      : {
          ...view,
          observed: {
            ...view.observed,
            containers: view.observed.containers.map((container) => {
              const log = found.get(container.name);
              return log === undefined ? container : { ...container, log };
            }),
          },
        },
  );
}
