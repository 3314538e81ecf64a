import type { BackendFactory, IQueueBackend } from 'bullmq';
import type pg from 'pg';

/**
 * Makes the recovery of a killed worker's job work after a clock was set back. In PostgreSQL, BullMQ records the time of its
 * last check, and the time until which a job is locked, by the clock of the process that writes them: written an hour ahead,
 * they would block the queue for an hour. Before each check, times that cannot be right by the clock of this process are
 * replaced. A live worker with another clock renews its lock before the next check, and so keeps its job. Redis uses its own
 * clock for both.
 */
export const withCorrectedTimes =
  <B extends IQueueBackend, C>(
    pool: pg.Pool,
    schema: string,
    lockDurationMs: number,
    factory: BackendFactory<B, C>,
  ): BackendFactory<B, C> =>
  (...args) => {
    const backend = factory(...args);
    const [queue] = args;
    const check = backend.moveStalledJobsToWait.bind(backend);
    backend.moveStalledJobsToWait = async () => {
      const nowMs = Date.now();
      await pool.query(
        `update ${schema}.meta set value = '0'
          where queue = $1 and case field when 'stalled-check' then value::bigint > $2 end`,
        [queue, nowMs],
      );
      await pool.query(
        `update ${schema}.job set locked_until_ms = $2
          where queue = $1 and state = 'active' and locked_until_ms > $2`,
        [queue, nowMs + lockDurationMs],
      );
      return check();
    };
    return backend;
  };
