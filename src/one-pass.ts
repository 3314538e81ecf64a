import type { JobData, JobResult } from './fleet/job.ts';
import type { Fleet } from './wiring.ts';

/** Milliseconds between two words of progress. */
const tick = 1000;

/**
 * One pass as a job on its host's queue. If the host is this one and no worker lives, one is hosted until the job is
 * done. @param timeout seconds
 */
export async function requestOnePass(
  fleet: Fleet,
  data: JobData,
  timeout: number,
  progress: (text: string | null) => void = () => undefined,
): Promise<JobResult> {
  const backend = await fleet.queues();
  const { requestPass } = await import('./queue/request.ts');
  const isHere = data.host_uuid === fleet.config.host;
  if (isHere && !(await fleet.workerLives(data.host_uuid))) await fleet.hostWorker({ follows: false });
  const started = performance.now();
  const timer = setInterval(() => {
    progress(`pass of host ${data.host_uuid} … ${Math.round((performance.now() - started) / 1000)} s`);
  }, tick);
  try {
    // The result of a dry run is as long as its plan: who asked has it, and the queue keeps passes.
    return await requestPass(backend, data, timeout * 1000, { forget: data.dry_run === true });
  } finally {
    clearInterval(timer);
    progress(null);
  }
}
