import { createBullBoard } from '@bull-board/api';
import { FastifyAdapter } from '@bull-board/fastify';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { hostOfQueue, parseJobData, queueName } from '../fleet/job.ts';
import { endsWithin } from '../lib/ends-within.ts';
import { FleetError, reasonOf } from '../lib/errors.ts';
import { isObject } from '../lib/json.ts';
import type { Log } from '../lib/log.ts';
import { version } from '../lib/package.ts';
import type { QueueBackend } from '../queue/backend.ts';
import type { Report } from '../views/report.ts';
import { BoardQueues } from './board-queues.ts';
import { Html, html } from './html.ts';
import { leftOutLine } from './left-out.ts';
import { boardPolicy } from './security.ts';
import { mayAct, viewerOf } from './sign-in/visitor.ts';
import { boardPath } from './words.ts';

/** Milliseconds between two checks for new, removed or broken hosts. */
const refreshEveryMs = 5000;
/** Milliseconds that the page waits to find out which queues can be read. */
const pageWaitsMs = 2000;

/** Routes that query all queues in one request. */
const lists = new Set(['/api/queues', '/api/job-schedulers']);
const changesAll = new Set(['/api/queues/pause', '/api/queues/resume']);

/** Those that set the data of a job, and the field of their body that has it. */
const dataFields = new Map([
  ['/api/queues/:queueName/add', 'data'],
  ['/api/queues/:queueName/:jobId/update-data', 'jobData'],
]);
const resumes = new Set(['/api/queues/resume', '/api/queues/:queueName/resume']);

export interface BoardOptions {
  /** The path at which a proxy serves the dashboard; empty: none. */
  readonly base: string;
  readonly canChange: boolean;
  readonly log: Log;
  /** Called for each host whose queue was resumed on the board: the record of its pause ends. */
  resumed(host: string): Promise<unknown>;
  /** Answers a request with the error that the store of the queues is unreachable. */
  away(why: string, reply: FastifyReply): FastifyReply;
}

/** Bull Board with the schedule's queue and the hosts' queues. */
export function queueBoard(
  queues: Pick<QueueBackend, 'impatientQueue' | 'now'>,
  report: Pick<Report, 'hosts' | 'history'>,
  options: BoardOptions,
) {
  const serverAdapter = new FastifyAdapter().setBasePath(boardPath);
  const handlerHooks: BoardHooks = {
    before: async ({ route, request }) => {
      if (lists.has(route)) await onBoard.retry();
      else if (changesAll.has(route)) await onBoard.refreshAll();
      const field = dataFields.get(route);
      const refusal = field === undefined ? null : refusalOf(request.params.queueName, request.body, field);
      return refusal === null ? undefined : { allow: false, status: 400, message: refusal };
    },
    // Queues that failed during this request are left out, too.
    after: async ({ route, request }, result) => {
      if (resumes.has(route) && (result.status ?? 200) < 400)
        await Promise.all(resumedHosts(request.params.queueName, onBoard).map(options.resumed));
      return lists.has(route) ? withoutUnreadable(route, result, onBoard) : result;
    },
  };
  const board = createBullBoard({
    queues: [],
    serverAdapter,
    options: { uiConfig: uiConfig(options.base), handlerHooks },
  });
  const onBoard = new BoardQueues(queues, report, {
    base: options.base,
    canChange: options.canChange,
    log: options.log,
    show: (adapters) => board.replaceQueues(adapters),
  });
  const refresh = async (): Promise<void> => {
    await onBoard.update();
    await onBoard.retry();
    onBoard.leftOut();
  };
  let timer: NodeJS.Timeout | undefined;

  return {
    isInstalled: true,
    register: async (app: FastifyInstance): Promise<void> => {
      void refresh();
      timer = setInterval(() => void refresh(), refreshEveryMs);
      await app.register((scope, _options, done) => {
        // Without this check each request of the page would fail separately, after a timeout.
        scope.addHook('preHandler', async ({ url }, reply) => {
          if (url.startsWith(`${boardPath}/static/`)) return undefined;
          const why = await queues.now().then(() => null, reasonOf);
          return why === null ? undefined : options.away(why, reply);
        });
        scope.addHook('preSerialization', async (request, _reply, answer) =>
          mayAct(viewerOf(request)) ? answer : readOnly(answer),
        );
        adaptPage(scope, onBoard, options.base);
        void scope.register(serverAdapter.registerPlugin(), { prefix: boardPath });
        done();
      });
    },
    /** Puts a host's queue on the board for the next minutes. @returns its address */
    open: async (host: string, job: string | null): Promise<string> => {
      await onBoard.open(host);
      const queue = `${boardPath}/queue/${encodeURIComponent(queueName(host))}`;
      // A browser would resolve a job id of only dots to another page.
      return job === null || /^\.*$/.test(job) ? queue : `${queue}/${encodeURIComponent(job)}`;
    },
    close: (): void => clearInterval(timer),
  };
}

/** A link to our pages that needs no menu: below the list of queues. */
const wayBack = (base: string): Html =>
  html`${new Html('<style>#back{position:fixed;z-index:999;left:1rem;bottom:2.75rem;padding:.25rem .75rem;border-radius:.25rem;background:#0b5a8a;color:#fff;font:.875rem/1.25rem sans-serif;text-decoration:none}</style>')}<a id="back" href="${base}/">← Fleet</a>`;

/** Says that a form has no valid JSON, where Bull Board says nothing. */
const formScript = (base: string): Html =>
  html`<script type="module" src="${base}/assets/board.js?${version}"></script>`;

/** Adds the notice about what cannot be read to Bull Board's page, and removes its fonts. */
function adaptPage(scope: FastifyInstance, onBoard: BoardQueues, base: string): void {
  // Bull Board's page loads fonts from another site. The dashboard loads nothing from outside.
  scope.addHook('onSend', async (_request, reply, body) => {
    void reply.header('content-security-policy', boardPolicy);
    const isPage = String(reply.getHeader('content-type')).startsWith('text/html');
    if (!isPage || typeof body !== 'string') return body;
    await endsWithin(pageWaitsMs, onBoard.refreshAll());
    const line = leftOutLine(onBoard.leftOut())?.text ?? '';
    return body
      .replace(/<link[^>]+fonts\.(googleapis|gstatic)[^>]+>/g, '')
      .replace(/<body[^>]*>/, (tag) => tag + line + wayBack(base).text + formScript(base).text);
  });
}

/** The hosts whose queues were resumed. @param queue undefined: all that are on the board */
const resumedHosts = (queue: string | undefined, onBoard: BoardQueues): readonly string[] =>
  (queue === undefined ? onBoard.names() : [queue]).flatMap((name) => hostOfQueue(name) ?? []);

/** The ways back to our pages. Bull Board's own documentation is on another site. */
const uiConfig = (base: string): NonNullable<Options['uiConfig']> => ({
  boardTitle: 'decnet-fleet queues',
  hideDocsLink: true,
  miscLinks: [
    { text: 'Fleet', url: `${base}/` },
    { text: 'Hosts', url: `${base}/hosts` },
    { text: 'History', url: `${base}/history` },
    { text: 'Audit log', url: `${base}/audit` },
  ],
});

/** Why the data of a job that somebody adds is not valid; null: it is. A worker would refuse it later, with the same words. */
function refusalOf(queue: unknown, body: unknown, field: string): string | null {
  const host = hostOfQueue(String(queue));
  if (host === null) return null;
  try {
    parseJobData(isObject(body) ? body[field] : null, host);
    return null;
  } catch (error) {
    return error instanceof FleetError ? error.line : reasonOf(error);
  }
}

type Options = NonNullable<Parameters<typeof createBullBoard>[0]['options']>;
type BoardHooks = Options['handlerHooks'];

/** A list without the queues that cannot be read. @throws Error if no queue can be read */
function withoutUnreadable<R extends { readonly body: unknown }>(
  route: string,
  result: R,
  onBoard: BoardQueues,
): R {
  const [first] = onBoard.leftOut();
  if (first !== undefined && !onBoard.isAnyReadable())
    throw new Error(`No queue can be read: ${first.reason}`);
  return route === '/api/queues' ? withoutQueues(result, onBoard.unreadable()) : result;
}

/** Bull Board's list for somebody who cannot change anything: without buttons. */
function readOnly(answer: unknown): unknown {
  if (!isObject(answer) || !Array.isArray(answer.queues)) return answer;
  const queues: readonly unknown[] = answer.queues;
  return {
    ...answer,
    queues: queues.map((queue) => (isObject(queue) ? { ...queue, readOnlyMode: true } : queue)),
  };
}

/** Bull Board's list without some queues. */
const withoutQueues = <R extends { readonly body: unknown }>(result: R, hidden: ReadonlySet<string>): R => {
  const { queues } = result.body as { readonly queues?: readonly { readonly name: string }[] };
  return queues === undefined
    ? result
    : { ...result, body: { queues: queues.filter(({ name }) => !hidden.has(name)) } };
};
