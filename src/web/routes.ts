import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isLegalHost } from '../fleet/decky.ts';
import { jobName, queueName } from '../fleet/job.ts';
import { unseen } from '../fleet/words.ts';
import { FleetError, reasonOf } from '../lib/errors.ts';
import { isObject } from '../lib/json.ts';
import { parseAddress, type Query, textOf } from './address.ts';
import { attempt, send } from './answers.ts';
import { audited } from './audit/audited.ts';
import { periodIn, readAvailability } from './fleet-availability.ts';
import { html } from './html.ts';
import { type Page, problem } from './layout.ts';
import { answerWithinMs } from './limits.ts';
import type { QueueBoard } from './open-board.ts';
import { auditPage } from './pages/audit.ts';
import { deckyPage } from './pages/decky.ts';
import { fleetPage } from './pages/fleet.ts';
import { availabilityPage } from './pages/fleet-availability.ts';
import { historyPage } from './pages/history.ts';
import { hostPage } from './pages/host.ts';
import { hostsPage } from './pages/hosts.ts';
import { pauseAsked } from './pages/pause.ts';
import { planPage } from './pages/plan.ts';
import type { WebPorts } from './ports.ts';
import type { Shared } from './shared.ts';
import { actorOf, mayAct, viewerOf } from './sign-in/visitor.ts';
import { hostPath, jobMark } from './words.ts';

/** Milliseconds to wait for a plan. */
const planWithinMs = 10_000;

type OfHost = { Params: { host: string }; Querystring: Query };
type OfDecky = { Params: { host: string; name: string }; Querystring: Query };

export interface PageOptions {
  readonly ports: WebPorts;
  readonly board: Pick<QueueBoard, 'isInstalled' | 'open'>;
  /** The pages rendered last. */
  readonly answers: Shared<Page | null>;
}

/** The routes of the pages. */
export function registerPages(app: FastifyInstance, options: PageOptions): void {
  const {
    ports,
    board: { isInstalled: hasBoard },
    answers: { once },
  } = options;
  app.get<{ Querystring: Query }>('/', async (request, reply) =>
    send(
      reply,
      await once(keyOf(request), () =>
        ports.snapshot((views) => fleetPage(views, parseAddress(request.query), mayAct(viewerOf(request)))),
      ),
    ),
  );
  app.get<{ Querystring: Query }>('/audit', async ({ query }, reply) =>
    send(reply, await auditPage(ports, query)),
  );
  app.get<{ Querystring: Query }>('/hosts', async ({ url, query }, reply) =>
    send(reply, await once(url, () => ports.snapshot((views) => hostsPage(views, parseAddress(query))))),
  );
  app.get<{ Querystring: Query }>('/history', async ({ url, query }, reply) =>
    send(reply, await once(url, () => historyPage(ports, query, hasBoard))),
  );
  app.get<{ Querystring: Query }>('/availability', async ({ url, query }, reply) =>
    send(reply, await once(url, () => shownAvailability(ports, query))),
  );
  app.get<OfDecky>('/deckies/:host/:name', async ({ url, params: { host, name }, query }, reply) =>
    send(
      reply,
      await once(url, () =>
        deckyPage(ports, host, name, { withLogs: textOf(query, 'logs') !== null, hasBoard }),
      ),
      problem(
        name,
        `No decky ${name} is declared or recorded on host ${host}.`,
        'It may have been removed; see the history.',
      ),
    ),
  );
  registerHost(app, options);
  registerPlan(app, options);
  registerReconcile(app, ports);
  registerPause(app, options);
}

/** Readers with the same role see the same page. */
const keyOf = (request: FastifyRequest): string => `${viewerOf(request).role} ${request.url}`;
/** The availability over what the address asks for; over a day if it asks for nothing known. */
async function shownAvailability({ pages }: WebPorts, query: Query): Promise<Page> {
  const over = attempt(() => periodIn(query));
  const isKnown = !(over instanceof FleetError);
  const found = await readAvailability(pages, isKnown ? over : 'day', Date.now());
  return availabilityPage(found, isKnown ? null : over);
}

/** A host's page, and the redirect to its queue on the board. */
function registerHost(app: FastifyInstance, { ports, board, answers: { once } }: PageOptions): void {
  app.get<OfHost>('/hosts/:host', async (request, reply) => {
    const { host } = request.params;
    const job = textOf(request.query, 'asked');
    const said =
      job === null
        ? null
        : html`Enqueued job ${jobMark(host, job, board.isInstalled)}. It appears under the last passes when it is finished.`;
    const options = { viewer: viewerOf(request), said, hasBoard: board.isInstalled };
    return send(reply, await once(keyOf(request), () => hostPage(ports, host, options)), noHost(host));
  });
  app.get<OfHost>('/hosts/:host/queue', async ({ params: { host }, query }, reply) =>
    isLegalHost(host)
      ? reply.redirect(await board.open(host, textOf(query, 'job')))
      : send(reply.code(404), noHost(host)),
  );
}

/** What the next pass of a host would change. Its worker makes the plan. */
function registerPlan(app: FastifyInstance, { ports, answers: { once } }: PageOptions): void {
  const planOptions = { config: { answerWithinMs: answerWithinMs.plan } };
  app.get<OfHost>('/hosts/:host/plan', planOptions, async ({ url, params: { host } }, reply) =>
    send(
      reply,
      await once(url, async () => {
        if (!isLegalHost(host) || !(await ports.isWorkerRunning(host))) return null;
        return planPage(
          host,
          await ports.request({ host_uuid: host, dry_run: true, cause: 'manual' }, planWithinMs),
        );
      }),
      problem(
        'No plan',
        `No worker is running on host ${host}, so a plan cannot be made.`,
        'Start it there: decnet-fleet worker',
      ),
    ),
  );
}

/** The button that enqueues a pass. */
function registerReconcile(app: FastifyInstance, ports: WebPorts): void {
  app.post<OfHost>('/hosts/:host/reconcile', { config: { act: 'reconcile' } }, async (request, reply) => {
    const { host } = request.params;
    const [found] = await ports.report.hosts(host);
    if (found === undefined) return send(reply.code(404), noHost(host));
    if (found.first_seen_at === null) return send(reply.code(409), noWorker(host));
    const queue = ports.queues.impatientQueue(queueName(host));
    const job = await queue.add(jobName, { host_uuid: host, cause: 'manual' }).catch((error: unknown) => {
      throw new FleetError('QUEUE_UNREACHABLE', `The queues do not answer: ${reasonOf(error)}`, {
        advice: 'The pass may still run when they answer again',
      });
    });
    audited(request, { details: `job ${job.id}` });
    return reply.redirect(`${hostPath(host)}?asked=${encodeURIComponent(String(job.id))}`, 303);
  });
}

/** The buttons that pause a host and resume it. */
function registerPause(app: FastifyInstance, { ports, answers }: PageOptions): void {
  const known = async (host: string, reply: FastifyReply): Promise<boolean> => {
    const [found] = await ports.report.hosts(host);
    if (found === undefined) void send(reply.code(404), noHost(host));
    else if (found.first_seen_at === null) void send(reply.code(409), noWorker(host));
    return found !== undefined && found.first_seen_at !== null;
  };
  app.post<OfHost>('/hosts/:host/pause', { config: { act: 'pause' } }, async (request, reply) => {
    const { host } = request.params;
    const { body } = request;
    if (!(await known(host, reply))) return reply;
    const asked = pauseAsked(isObject(body) ? body : {});
    if (asked === null) return send(reply.code(400), noReason(host));
    audited(request, {
      details: `${asked.seconds === null ? 'until it is resumed' : `${asked.seconds / 3600} h`}: ${asked.why}`,
    });
    await ports.pauses.pause(host, { ...asked, by: actorOf(request) });
    answers.invalidate();
    return reply.redirect(hostPath(host), 303);
  });
  app.post<OfHost>('/hosts/:host/resume', { config: { act: 'resume' } }, async (request, reply) => {
    const { host } = request.params;
    if (!(await known(host, reply))) return reply;
    await ports.pauses.resume(host);
    answers.invalidate();
    return reply.redirect(hostPath(host), 303);
  });
}

const noReason = (host: string): Page =>
  problem(
    'Not paused',
    `Host ${host} is not paused: the form has no reason, or no time that is offered.`,
    'Go back and give a reason.',
  );

const noWorker = (host: string): Page =>
  problem(
    'No pass',
    `Host ${host} cannot be observed: ${unseen}.`,
    'Start its worker there: decnet-fleet worker',
  );

const noHost = (host: string): Page =>
  problem('No such host', `Host ${host} is unknown.`, 'A host appears after its worker has started once.');
