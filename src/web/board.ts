import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { queueName, scheduleQueue } from '../fleet/job.ts';
import { endsWithin } from '../lib/ends-within.ts';
import { reasonOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { QueueBackend } from '../queue/backend.ts';
import type { HostView, Report } from '../views/report.ts';
import { type LeftOut, leftOutLine, leftOutLog, type ReadableQueue, readableQueue } from './left-out.ts';
import { boardPolicy } from './security.ts';

const prefix = '/queues';
/** Bull Board queries each of its queues at every poll. */
const mostQueues = 200;
/** Milliseconds between two checks for new, removed or broken hosts. */
const lookEveryMs = 5000;
const openedKept = 20;
/** A host with a change within this time counts as busy, in milliseconds. */
const busyWithinMs = 5 * 60_000;
const transitionsRead = 1000;
/** Milliseconds that the page waits to find out which queues can be read. */
const pageWaitsMs = 2000;

/** Routes that query all queues in one request. */
const lists = new Set(['/api/queues', '/api/job-schedulers']);
const changesAll = new Set(['/api/queues/pause', '/api/queues/resume']);

/** Bull Board with the schedule's queue and the hosts' queues. */
export function queueBoard(
  queues: Pick<QueueBackend, 'impatientQueue' | 'now'>,
  report: Pick<Report, 'hosts' | 'history'>,
  options: {
    canChange: boolean;
    log: Log;
    /** Answers a request with the error that the store of the queues is unreachable. */
    away(why: string, reply: FastifyReply): FastifyReply;
  },
) {
  const serverAdapter = new FastifyAdapter().setBasePath(prefix);
  const known = new Map<string, ReadableQueue>();
  let onBoard: readonly ReadableQueue[] = [];
  let opened: readonly string[] = [];
  let shown = '';
  const sayLeftOut = leftOutLog(options.log);

  const leftOut = (): readonly LeftOut[] => {
    const found = onBoard.flatMap((queue) => queue.leftOut());
    sayLeftOut(found);
    return found;
  };
  const retry = joined(async () => void (await Promise.all(onBoard.map((queue) => queue.retry()))));
  const lookAtAll = joined(async () => {
    await Promise.all(onBoard.map((queue) => queue.look()));
    await retry();
  });
  const board = createBullBoard({
    queues: [],
    serverAdapter,
    options: {
      uiConfig: {},
      handlerHooks: {
        before: async ({ route }) => {
          if (lists.has(route)) await retry();
          else if (changesAll.has(route)) await lookAtAll();
        },
        // Queues that failed during this request are left out, too.
        after: ({ route }, result) => {
          if (!lists.has(route)) return result;
          const [first] = leftOut();
          if (first !== undefined && onBoard.every((queue) => !queue.isReadable()))
            throw new Error(`No queue can be read: ${first.reason}`);
          const hidden = new Set(
            onBoard.flatMap((queue) => (queue.isReadable() ? [] : queue.adapter.getName())),
          );
          return route === '/api/queues' ? withoutQueues(result, hidden) : result;
        },
      },
    },
  });

  const show = (names: readonly string[]): void => {
    const key = names.join(' ');
    if (key === shown) return;
    shown = key;
    onBoard = names.map((name) => {
      const existing = known.get(name);
      if (existing !== undefined) return existing;
      const queue = queues.impatientQueue(name);
      const made = readableQueue(
        queue,
        new BullMQAdapter(queue, {
          readOnlyMode: !options.canChange,
          description: name === scheduleQueue ? 'the schedule' : '',
        }),
      );
      known.set(name, made);
      return made;
    });
    board.replaceQueues(onBoard.map(({ adapter }) => adapter));
  };
  const look = async (): Promise<void> => {
    try {
      const since = new Date(Date.now() - busyWithinMs).toISOString();
      const [hosts, { transitions }] = await Promise.all([
        report.hosts(null),
        report.history({ host: null, decky: null, since, limit: transitionsRead }),
      ]);
      const busy = new Set(transitions.map(({ host_uuid }) => host_uuid));
      show([scheduleQueue, ...queuesToShow(hosts, { opened, busy })]);
    } catch (error) {
      options.log.debug(
        { reason: reasonOf(error) },
        'cannot update the queues of Bull Board; keeping the current ones',
      );
    }
  };
  const lookAgain = async (): Promise<void> => {
    await look();
    await retry();
    leftOut();
  };
  let timer: NodeJS.Timeout | undefined;

  return {
    register: async (app: FastifyInstance): Promise<void> => {
      show([scheduleQueue]);
      void lookAgain();
      timer = setInterval(() => void lookAgain(), lookEveryMs);
      await app.register((scope, _options, done) => {
        // Without this check each request of the page would fail separately, after a timeout.
        scope.addHook('preHandler', async ({ url }, reply) => {
          if (url.startsWith(`${prefix}/static/`)) return undefined;
          const why = await queues.now().then(() => null, reasonOf);
          return why === null ? undefined : options.away(why, reply);
        });
        // Bull Board's page loads fonts from another site. The dashboard loads nothing from outside.
        scope.addHook('onSend', async (_request, reply, body) => {
          void reply.header('content-security-policy', boardPolicy);
          const isPage = String(reply.getHeader('content-type')).startsWith('text/html');
          if (!isPage || typeof body !== 'string') return body;
          await endsWithin(pageWaitsMs, lookAtAll());
          const line = leftOutLine(leftOut())?.text ?? '';
          return body
            .replace(/<link[^>]+fonts\.(googleapis|gstatic)[^>]+>/g, '')
            .replace(/<body[^>]*>/, (tag) => tag + line);
        });
        void scope.register(serverAdapter.registerPlugin(), { prefix });
        done();
      });
    },
    /** Puts a host's queue on the board for the next minutes. @returns its address */
    open: async (host: string, job: string | null): Promise<string> => {
      opened = [host, ...opened.filter((one) => one !== host)].slice(0, openedKept);
      await look();
      const queue = `${prefix}/queue/${encodeURIComponent(queueName(host))}`;
      // A browser would resolve a job id of only dots to another page.
      return job === null || /^\.*$/.test(job) ? queue : `${queue}/${encodeURIComponent(job)}`;
    },
    close: (): void => clearInterval(timer),
  };
}

/** Joins calls: a call during a run waits for that run instead of starting another. */
function joined(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  return () =>
    (running ??= work().finally(() => {
      running = null;
    }));
}

/** Bull Board's list without some queues. */
const withoutQueues = <R extends { readonly body: unknown }>(result: R, hidden: ReadonlySet<string>): R => {
  const { queues } = result.body as { readonly queues?: readonly { readonly name: string }[] };
  return queues === undefined
    ? result
    : { ...result, body: { queues: queues.filter(({ name }) => !hidden.has(name)) } };
};

/** The queues of all hosts. With too many hosts: those opened last, then those with problems, then busy ones. */
export function queuesToShow(
  hosts: readonly HostView[],
  lately: { opened: readonly string[]; busy: ReadonlySet<string> },
): readonly string[] {
  const isBroken = ({ stale, last_error, docker, contested }: HostView): boolean =>
    stale || last_error !== null || docker === 'unreachable' || contested.length > 0;
  const names = (some: readonly HostView[]): readonly string[] => some.map(({ host_uuid }) => host_uuid);
  // A host that never had a worker has no queue.
  const served = hosts.filter(({ first_seen_at }) => first_seen_at !== null);
  const known = new Set(names(served));
  const chosen =
    served.length <= mostQueues
      ? names(served)
      : [
          ...lately.opened.filter((host) => known.has(host)),
          ...names(served.filter(isBroken)),
          ...[...lately.busy].filter((host) => known.has(host)),
        ];
  return [...new Set(chosen)].slice(0, mostQueues).sort().map(queueName);
}
