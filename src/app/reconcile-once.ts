import type { JobData, JobResult } from '../fleet/job.ts';
import type { Environment } from '../lib/environment.ts';
import { createLog } from '../lib/log.ts';
import { parseConfig } from './config.ts';
import { requestOnePass } from './one-pass.ts';
import { openFleet } from './wiring.ts';

export interface ReconcileOnceOptions extends Omit<JobData, 'host_uuid'> {
  /** Default: this host. */
  readonly host_uuid?: string;
  /** Seconds. */
  readonly timeout?: number;
  /** Default: that of the process. @see CONTRACT.md, "Environment" */
  readonly env?: Environment;
}

/**
 * One pass as a job on its host's queue, as `decnet-fleet reconcile --once` runs it.
 * @throws FleetError
 */
export async function reconcileOnce(options: ReconcileOnceOptions = {}): Promise<JobResult> {
  const { env = process.env, timeout = 30, host_uuid, ...data } = options;
  const config = parseConfig(env);
  const fleet = openFleet(config, createLog('silent'));
  try {
    return await requestOnePass(
      fleet,
      { host_uuid: host_uuid ?? config.host, cause: 'manual', ...data },
      timeout,
    );
  } finally {
    await fleet.close();
  }
}
