import { endsWithin } from '../lib/ends-within.ts';
import { FleetError } from '../lib/errors.ts';
import { storeWithin } from './limits.ts';
import type { Views, WebPorts } from './ports.ts';

/**
 * The same ports, of which every call ends: a store that hangs would keep its readers waiting, and with them whoever
 * watches it by `/metrics`.
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
    new FleetError('DATABASE_UNREACHABLE', `The database does not answer: nothing came within ${seconds} s`, {
      advice: 'Check DATABASE_URL and that PostgreSQL runs there',
    }),
  queues: (seconds: number) =>
    new FleetError('QUEUE_UNREACHABLE', `The queues do not answer: nothing came within ${seconds} s`, {
      advice: 'Check REDIS_URL, or without it DATABASE_URL, and that the server runs there',
    }),
};

async function within<T>(ms: number, fault: (seconds: number) => FleetError, ask: Ask<T>): Promise<T> {
  const answer = ask();
  if (await endsWithin(ms, answer)) return answer;
  // It may still fail, after the answer was given.
  answer.catch(() => undefined);
  throw fault(ms / 1000);
}

/** Every method of a port within a limit. */
const each = <P extends object>(port: P, limit: <T>(ask: Ask<T>) => Promise<T>): P =>
  Object.fromEntries(
    Object.entries(port).map(([name, ask]) => [name, (...given: unknown[]) => limit(() => ask(...given))]),
  ) as P;
