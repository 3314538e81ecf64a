import { endsWithin } from '../lib/ends-within.ts';
import { FleetError } from '../lib/errors.ts';
import { storeWithin } from './limits.ts';
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
    hostFigures: () => database(ports.hostFigures),
    queues: {
      impatientQueue: ports.queues.impatientQueue,
      check: () => queues(ports.queues.check),
      now: () => queues(ports.queues.now),
    },
    countSchedulers: () => queues(ports.countSchedulers),
    workerLives: (host) => queues(() => ports.workerLives(host)),
    request: (data, timeout) =>
      within(timeout + storeWithin.queues, silent.queues, () => ports.request(data, timeout)),
  };
}

type Ask<T> = () => Promise<T>;

const database = <T>(ask: Ask<T>): Promise<T> => within(storeWithin.database, silent.database, ask);
const queues = <T>(ask: Ask<T>): Promise<T> => within(storeWithin.queues, silent.queues, ask);

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

async function within<T>(ms: number, fault: (seconds: number) => FleetError, ask: Ask<T>): Promise<T> {
  const answer = ask();
  if (await endsWithin(ms, answer)) return answer;
  // The call may still fail later: its rejection must not be unhandled.
  answer.catch(() => undefined);
  throw fault(ms / 1000);
}

/** Adds a time limit to every method of a port. */
const each = <P extends object>(port: P, limit: <T>(ask: Ask<T>) => Promise<T>): P =>
  Object.fromEntries(
    Object.entries(port).map(([name, ask]) => [name, (...given: unknown[]) => limit(() => ask(...given))]),
  ) as P;
