import type { JobData, JobResult } from '../fleet/job.ts';
import { FleetError } from '../lib/errors.ts';
import type { App } from './app.ts';
import { unknownHost } from './known-hosts.ts';

/** Milliseconds between two words of progress. */
const tickMs = 1000;

/**
 * One pass as a job on its host's queue. If the host is this one and no worker lives, one is hosted until the job is
 * done. @param timeout seconds
 */
export async function requestOnePass(
  app: App,
  data: JobData,
  timeout: number,
  progress: (text: string | null) => void = () => undefined,
): Promise<JobResult> {
  const backend = await app.queues();
  const { requestPass } = await import('../queue/request.ts');
  const isHere = data.host_uuid === app.config.host;
  if (isHere && !(await app.workerLives(data.host_uuid))) await app.hostWorker({ follows: false });
  const started = performance.now();
  const timer = setInterval(() => {
    progress(`pass of host ${data.host_uuid} … ${Math.round((performance.now() - started) / 1000)} s`);
  }, tickMs);
  try {
    // The result of a dry run is as long as its plan: who asked has it, and the queue keeps passes.
    return await requestPass(backend, data, timeout * 1000, { forget: data.dry_run === true });
  } catch (error) {
    throw (await unknownOf(app, data.host_uuid, error)) ?? error;
  } finally {
    clearInterval(timer);
    progress(null);
  }
}

/** No worker came, and the host is not known. Not checked before: its first worker may have been about to start. */
async function unknownOf(app: App, host: string, error: unknown): Promise<FleetError | null> {
  if (!(error instanceof FleetError) || error.code !== 'JOB_TIMED_OUT') return null;
  const unknown = await unknownHost(app, host).catch(() => null);
  if (unknown === null) return null;
  return new FleetError(error.code, error.message, { advice: `The job was withdrawn. ${unknown.line}` });
}
