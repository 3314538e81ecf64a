import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { FastifyInstance } from 'fastify';
import type { HostView, Report } from '../database/report.ts';
import { reasonOf } from '../errors.ts';
import { queueName, scheduleQueue } from '../fleet/job.ts';
import type { Log } from '../log.ts';
import type { QueueBackend } from '../queue/backend.ts';
import { boardPolicy } from './security.ts';

const prefix = '/queues';
/** It asks every queue that it holds at each poll. */
const mostQueues = 200;
/** Milliseconds between two looks for hosts that are new, gone or broken. */
const lookEvery = 5000;
const openedKept = 20;
/** Milliseconds: a host that had a change so lately is busy. */
const busyWithin = 5 * 60_000;
const movesRead = 1000;

/** Bull Board over the schedule's queue and the hosts'. */
export function queueBoard(
  queues: QueueBackend,
  report: Pick<Report, 'hosts' | 'history'>,
  options: { canChange: boolean; log: Log },
) {
  const serverAdapter = new FastifyAdapter().setBasePath(prefix);
  const board = createBullBoard({ queues: [], serverAdapter });
  const adapters = new Map<string, BullMQAdapter>();
  let opened: readonly string[] = [];
  let shown = '';

  const show = (names: readonly string[]): void => {
    const key = names.join(' ');
    if (key === shown) return;
    shown = key;
    board.replaceQueues(
      names.map((name) => {
        const existing = adapters.get(name);
        if (existing !== undefined) return existing;
        const made = new BullMQAdapter(queues.queue(name), {
          readOnlyMode: !options.canChange,
          description: name === scheduleQueue ? 'the rounds of the schedule' : '',
        });
        adapters.set(name, made);
        return made;
      }),
    );
  };
  const look = async (): Promise<void> => {
    try {
      const since = new Date(Date.now() - busyWithin).toISOString();
      const [hosts, { transitions }] = await Promise.all([
        report.hosts(null),
        report.history({ host: null, decky: null, since, limit: movesRead }),
      ]);
      const busy = new Set(transitions.map(({ host_uuid }) => host_uuid));
      show([scheduleQueue, ...queuesToShow(hosts, { opened, busy })]);
    } catch (error) {
      options.log.debug({ reason: reasonOf(error) }, 'Bull Board keeps the queues that it has');
    }
  };
  let timer: NodeJS.Timeout | undefined;

  return {
    register: async (app: FastifyInstance): Promise<void> => {
      show([scheduleQueue]);
      void look();
      timer = setInterval(() => void look(), lookEvery);
      await app.register((scope, _options, done) => {
        // The page asks for fonts elsewhere: nothing here loads anything from outside.
        scope.addHook('onSend', async (_request, reply, body) => {
          void reply.header('content-security-policy', boardPolicy);
          const isPage = String(reply.getHeader('content-type')).startsWith('text/html');
          return isPage && typeof body === 'string'
            ? body.replace(/<link[^>]+fonts\.(googleapis|gstatic)[^>]+>/g, '')
            : body;
        });
        void scope.register(serverAdapter.registerPlugin(), { prefix });
        done();
      });
    },
    /** Holds a host's queue for the next minutes. @returns where it is */
    open: async (host: string, job: string | null): Promise<string> => {
      opened = [host, ...opened.filter((one) => one !== host)].slice(0, openedKept);
      await look();
      const queue = `${prefix}/queue/${encodeURIComponent(queueName(host))}`;
      return job === null ? queue : `${queue}/${encodeURIComponent(job)}`;
    },
    close: (): void => clearInterval(timer),
  };
}

/** All hosts' queues; of very many those lately opened, then those that are broken, then busy ones. */
export function queuesToShow(
  hosts: readonly HostView[],
  lately: { opened: readonly string[]; busy: ReadonlySet<string> },
): readonly string[] {
  const isBroken = ({ stale, last_error, docker, contested }: HostView): boolean =>
    stale || last_error !== null || docker === 'unreachable' || contested.length > 0;
  const names = (some: readonly HostView[]): readonly string[] => some.map(({ host_uuid }) => host_uuid);
  const known = new Set(names(hosts));
  const chosen =
    hosts.length <= mostQueues
      ? names(hosts)
      : [
          ...lately.opened.filter((host) => known.has(host)),
          ...names(hosts.filter(isBroken)),
          ...[...lately.busy].filter((host) => known.has(host)),
        ];
  return [...new Set(chosen)].slice(0, mostQueues).sort().map(queueName);
}
