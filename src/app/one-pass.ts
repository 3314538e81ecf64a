import type { JobData, JobResult } from '../fleet/job.ts';
import { FleetError } from '../lib/errors.ts';
import type { App } from './app.ts';
import { unknownHost } from './known-hosts.ts';

/** Milliseconds between two progress messages. */
const tickMs = 1000;

/**
 * Runs one pass as a job on its host's queue. If the host is this one and no worker is running, it starts one until the job is
 * finished; for a dry run it leaves other jobs that wait in the queue.
 */
export async function requestOnePass(
  app: App,
  data: JobData,
  timeoutSeconds: number,
  progress: (text: string | null) => void = () => undefined,
): Promise<JobResult> {
  const backend = await app.queues();
  const { requestPass } = await import('../queue/request.ts');
  const isHere = data.host_uuid === app.config.host;
  if (isHere && !(await app.isWorkerRunning(data.host_uuid)))
    await app.hostWorker({ follows: false, onlyDryRuns: data.dry_run === true });
  const started = performance.now();
  const timer = setInterval(() => {
    progress(`pass of host ${data.host_uuid} … ${Math.round((performance.now() - started) / 1000)} s`);
  }, tickMs);
  try {
    // Do not keep dry runs: their results are as long as the plan, and they would displace passes in the queue.
    return await requestPass(backend, data, timeoutSeconds * 1000, { forget: data.dry_run === true });
  } catch (error) {
    throw (await unknownOf(app, data.host_uuid, error)) ?? error;
  } finally {
    clearInterval(timer);
    progress(null);
  }
}

/** The error for an unknown host after a timeout. Not checked before: the host's first worker may have been starting. */
async function unknownOf(app: App, host: string, error: unknown): Promise<FleetError | null> {
  if (!(error instanceof FleetError) || error.code !== 'JOB_TIMED_OUT') return null;
  const unknown = await unknownHost(app, host).catch(() => null);
  if (unknown === null) return null;
  return new FleetError(error.code, error.message, { advice: `The job was removed. ${unknown.line}` });
}
