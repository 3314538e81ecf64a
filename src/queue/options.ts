import { hostname } from 'node:os';

/** The charts of Bull Board cover a day, a point a minute: some 6 kB for each host. */
const metricsKept = { maxDataPoints: 24 * 60 } as const;

/** A killed worker blocks its queue until the second stalled check. @see CONTRACT.md, "The queue" */
export const workerOptions = {
  concurrency: 1,
  lockDuration: 5000,
  stalledInterval: 5000,
  maxStalledCount: 3,
  runRetryDelay: 1000,
  removeOnComplete: { count: 50, age: 24 * 3600 },
  removeOnFail: { count: 100, age: 7 * 24 * 3600 },
  /** So that a job says which machine ran it. */
  name: hostname(),
  metrics: metricsKept,
} as const;

export const jobDefaults = {
  attempts: 1,
  removeOnComplete: workerOptions.removeOnComplete,
  removeOnFail: workerOptions.removeOnFail,
} as const;

/** The length of a queue's event stream on Redis. BullMQ's default of 10,000 needs about 1 MB for each host. */
export const eventsKept = 100;
