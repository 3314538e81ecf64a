import type { JobData, JobResult } from '../fleet/job.ts';
import type { Environment } from '../lib/environment.ts';
import { createLog } from '../lib/log.ts';
import { openApp } from './app.ts';
import { parseConfig } from './config.ts';
import { requestOnePass } from './one-pass.ts';

export interface ReconcileOnceOptions extends Omit<JobData, 'host_uuid'> {
  /** The host; default: this host. */
  readonly host_uuid?: string;
  /** How long to wait for the result, in seconds; default: 30. */
  readonly timeout?: number;
  /** The environment; default: that of the process. @see CONTRACT.md, "Environment" */
  readonly env?: Environment;
}

/**
 * Runs one pass as a job on its host's queue, as `decnet-fleet reconcile --once` does.
 * @throws FleetError
 */
export async function reconcileOnce(options: ReconcileOnceOptions = {}): Promise<JobResult> {
  const { env = process.env, timeout = 30, host_uuid, ...data } = options;
  const config = parseConfig(env);
  const app = openApp(config, createLog('silent'));
  try {
    return await requestOnePass(
      app,
      { host_uuid: host_uuid ?? config.host, cause: 'manual', ...data },
      timeout,
    );
  } finally {
    await app.close();
  }
}
