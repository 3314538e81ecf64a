import { FleetError } from '../lib/errors.ts';
import { withinLimit } from '../lib/within-limit.ts';
import { storeWithinMs } from './limits.ts';
import type { Views, WebPorts } from './ports.ts';

/**
 * Adds a time limit to every call of the ports. A store that hangs must not keep pages and `/metrics` waiting.
 */
export function limitedPorts(ports: WebPorts): WebPorts {
  const viewsOf = ({ report, pages }: Views): Views => ({
    report: each(report, database),
    pages: each(pages, database),
  });
  return {
    ...ports,
    ...viewsOf(ports),
    snapshot: (work) => database(() => ports.snapshot(work)),
    silences: each(ports.silences, database),
    audit: each(ports.audit, database),
    hostFigures: () => database(ports.hostFigures),
    heartbeat: () => database(ports.heartbeat),
    undelivered: () => database(ports.undelivered),
    queues: {
      impatientQueue: ports.queues.impatientQueue,
      check: () => queues(ports.queues.check),
      now: () => queues(ports.queues.now),
    },
    pauses: {
      pause: (host, asked) => queues(() => ports.pauses.pause(host, asked)),
      resume: (host) => queues(() => ports.pauses.resume(host)),
      resumed: (host) => queues(() => ports.pauses.resumed(host)),
    },
    countSchedulers: () => queues(ports.countSchedulers),
    isWorkerRunning: (host) => queues(() => ports.isWorkerRunning(host)),
    request: (data, timeoutMs) =>
      withinLimit(() => ports.request(data, timeoutMs), timeoutMs + storeWithinMs.queues, silent.queues),
  };
}

type Ask<T> = () => Promise<T>;

const database = <T>(ask: Ask<T>): Promise<T> => withinLimit(ask, storeWithinMs.database, silent.database);
const queues = <T>(ask: Ask<T>): Promise<T> => withinLimit(ask, storeWithinMs.queues, silent.queues);

const silent = {
  database: (seconds: number) =>
    new FleetError('DATABASE_UNREACHABLE', `The database does not answer: no answer within ${seconds} s`, {
      advice: 'Check DATABASE_URL and that PostgreSQL is running',
    }),
  queues: (seconds: number) =>
    new FleetError('QUEUE_UNREACHABLE', `The queues do not answer: no answer within ${seconds} s`, {
      advice: 'Check REDIS_URL (if it is not set, DATABASE_URL) and that the server is running',
    }),
};

/** Adds a time limit to every method of a port. */
const each = <P extends object>(port: P, limit: <T>(ask: Ask<T>) => Promise<T>): P =>
  Object.fromEntries(
    Object.entries(port).map(([name, ask]) => [name, (...given: unknown[]) => limit(() => ask(...given))]),
  ) as P;
