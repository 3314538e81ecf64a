import querystring from 'node:querystring';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { isLegalHost } from '../fleet/decky.ts';
import { jobName, queueName } from '../fleet/job.ts';
import { unseen } from '../fleet/words.ts';
import { codeOf, FleetError, reasonOf } from '../lib/errors.ts';
import { version } from '../lib/package.ts';
import { printable } from '../lib/text.ts';
import { parseAddress, type Query, textOf } from './address.ts';
import { secure } from './admission.ts';
import { limitAnswers } from './answer-limit.ts';
import { registerApi } from './api.ts';
import { loadAssets } from './assets.ts';
import { queueBoard } from './board.ts';
import { html } from './html.ts';
import { layout, type Page, problem } from './layout.ts';
import { limitedPorts } from './limited.ts';
import { answerWithin, bodyBytes, formBytes, serverOptions, type WebLimits, webLimits } from './limits.ts';
import { liveStream, streamHeaders } from './live.ts';
import { metricsContentType, metricsText } from './metrics.ts';
import { deckyPage } from './pages/decky.ts';
import { fleetPage } from './pages/fleet.ts';
import { historyPage } from './pages/history.ts';
import { hostPage, planPage } from './pages/host.ts';
import type { WebPorts, WebSettings } from './ports.ts';
import { linkBelow, prefixOf, withoutPrefix } from './prefix.ts';
import { isLoopback, pathOfTarget, withoutControls } from './security.ts';
import { atMost, shared } from './shared.ts';
import { hostPath } from './words.ts';

export interface Dashboard {
  /** The public address. */
  readonly url: string;
  /** The address that it listens on. */
  readonly listensAt: string;
  close(): Promise<void>;
}

/** Milliseconds to wait for a plan. */
const planWithinMs = 10_000;

/** The maximum number of passes requested at once: each uses a connection to the queues' store. */
const requestsAtOnce = 4;

/** Starts the dashboard. @throws FleetError CONFIG_INVALID when a login is required or the port is taken */
export async function startDashboard(
  given: WebPorts,
  settings: WebSettings,
  limits: WebLimits = webLimits,
): Promise<Dashboard> {
  const { credentials, host } = settings;
  const prefix = prefixOf(settings.publicUrl);
  const few = atMost(requestsAtOnce);
  const ports = limitedPorts({
    ...given,
    request: (data, timeout) => few(() => given.request(data, timeout)),
  });
  if (credentials === null && !isLoopback(host))
    throw new FleetError('CONFIG_INVALID', `The dashboard requires a login to listen on ${host}`, {
      advice: 'Set DASHBOARD_USER and DASHBOARD_PASSWORD, or listen on 127.0.0.1',
    });
  const app = fastify({
    ...serverOptions(limits),
    logger: false,
    forceCloseConnections: true,
    bodyLimit: bodyBytes,
    routerOptions: {
      maxParamLength: 400,
      querystringParser: (text) =>
        querystring.parse(text, '&', '=', {
          decodeURIComponent: (part) => withoutControls(querystring.unescape(part)),
        }),
    },
    rewriteUrl: ({ url = '/' }) => withoutPrefix(pathOfTarget(url), prefix),
    // For an address that cannot be decoded or is too long. No hook runs then.
    frameworkErrors: ({ statusCode }, _request, { raw }) =>
      void raw
        .writeHead(statusCode ?? 400, { 'content-type': 'text/plain' })
        .end('The address is not valid.\n'),
  });
  app.server.maxConnections = limits.connections;
  // The forms of the pages have no fields.
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'buffer', bodyLimit: formBytes },
    (_request, _body, done) => done(null, null),
  );
  linkBelow(app, prefix);
  const door = secure(app, settings, ports.log);
  app.setNotFoundHandler((_request, reply) =>
    send(
      reply.code(404),
      problem('Not found', 'This page does not exist.', 'The host or decky may have been removed.'),
    ),
  );
  app.setErrorHandler((error, request, reply) => fail(error, request, reply, ports));
  limitAnswers(app, (why, { url }, reply) => {
    ports.log.warn({ path: pathForLog(url) }, 'request timed out');
    cannotShow(reply.code(503), url, why);
  });

  const board = queueBoard(ports.queues, ports.report, {
    canChange: credentials !== null,
    log: ports.log,
    away: (why, reply) => cannotShow(reply.code(503), reply.request.url, why),
  });
  const answers = shared<Page | null>();
  const stream = liveStream(() => ports.pages.pulse(), answers.invalidate, ports.log);
  await assets(app);
  probes(app, ports);
  registerApi(app, ports);
  app.get('/api/events', ({ method }, reply) => {
    // The answer to HEAD has an end; the stream does not.
    if (method === 'HEAD') return void reply.headers(streamHeaders).send();
    reply.hijack();
    for (const [name, value] of Object.entries(reply.getHeaders()))
      reply.raw.setHeader(name, value as string);
    if (!stream.add(reply.raw)) reply.raw.writeHead(503).end();
  });
  routes(app, ports, settings, board, answers);
  await board.register(app);

  const closeAll = async (): Promise<void> => {
    board.close();
    stream.close();
    door.close();
    await app.close();
  };
  try {
    const url = await app.listen({ host, port: settings.port });
    return { url: settings.publicUrl ?? url, listensAt: url, close: closeAll };
  } catch (error) {
    await closeAll();
    const isTaken = codeOf(error) === 'EADDRINUSE';
    throw new FleetError(
      'CONFIG_INVALID',
      isTaken ? `Port ${settings.port} is taken on ${host}` : reasonOf(error),
      {
        advice: 'Choose another with --port',
      },
    );
  }
}

async function assets(app: FastifyInstance): Promise<void> {
  for (const [name, { type, body }] of await loadAssets()) {
    // The pages request them with the version in the address, so they may be cached.
    app.get(`/assets/${name}`, (_request, reply) =>
      reply.type(type).header('cache-control', 'private, max-age=3600').send(body),
    );
  }
}

function probes(app: FastifyInstance, ports: WebPorts): void {
  app.get('/healthz', (_request, reply) => reply.type('text/plain').send('ok\n'));
  app.get('/readyz', async (_request, reply) => {
    const isReady = await Promise.all([ports.report.intervals(), ports.queues.check()]).then(
      () => true,
      () => false,
    );
    return reply
      .code(isReady ? 200 : 503)
      .type('text/plain')
      .send(isReady ? 'ok\n' : 'not ready\n');
  });
  app.get('/metrics', async (_request, reply) => {
    const [hosts, schedulers] = await Promise.all([
      ports.hostFigures().catch(() => null),
      ports.countSchedulers().catch(() => null),
    ]);
    const queues = { up: schedulers !== null, schedulers };
    return reply.type(metricsContentType).send(await metricsText({ version, hosts, queues }));
  });
}

type OfHost = { Params: { host: string }; Querystring: Query };
type OfDecky = { Params: { host: string; name: string } };

function routes(
  app: FastifyInstance,
  ports: WebPorts,
  { credentials }: WebSettings,
  board: ReturnType<typeof queueBoard>,
  { once }: ReturnType<typeof shared<Page | null>>,
): void {
  const canChange = credentials !== null;
  app.get<{ Querystring: Query }>('/', async ({ url, query }, reply) =>
    send(reply, await once(url, () => ports.snapshot((views) => fleetPage(views, parseAddress(query))))),
  );
  app.get<{ Querystring: Query }>('/history', async ({ url, query }, reply) =>
    send(reply, await once(url, () => historyPage(ports, parseAddress(query).host))),
  );
  app.get<OfHost>('/hosts/:host', async ({ url, params: { host }, query }, reply) => {
    const job = textOf(query, 'asked');
    const said =
      job === null
        ? null
        : html`Enqueued job <a href="${hostPath(host)}/queue?job=${encodeURIComponent(job)}">${job}</a>. It appears under the last passes when it is finished.`;
    return send(reply, await once(url, () => hostPage(ports, host, { canChange, said })), noHost(host));
  });
  const planOptions = { config: { answerWithin: answerWithin.plan } };
  app.get<OfHost>('/hosts/:host/plan', planOptions, async ({ url, params: { host } }, reply) =>
    send(
      reply,
      await once(url, async () => {
        if (!isLegalHost(host) || !(await ports.workerLives(host))) return null;
        return planPage(
          host,
          await ports.request({ host_uuid: host, dry_run: true, cause: 'manual' }, planWithinMs),
        );
      }),
      problem(
        'No plan',
        `No worker is running on host ${host}, so a plan cannot be made.`,
        'Start it there: node worker.ts',
      ),
    ),
  );
  app.get<OfHost>('/hosts/:host/queue', async ({ params: { host }, query }, reply) =>
    isLegalHost(host)
      ? reply.redirect(await board.open(host, textOf(query, 'job')))
      : send(reply.code(404), noHost(host)),
  );
  app.post<OfHost>('/hosts/:host/reconcile', async ({ params: { host } }, reply) => {
    const [found] = await ports.report.hosts(host);
    if (found === undefined) return send(reply.code(404), noHost(host));
    if (found.first_seen_at === null) return send(reply.code(409), noWorker(host));
    const queue = ports.queues.impatientQueue(queueName(host));
    const job = await queue.add(jobName, { host_uuid: host, cause: 'manual' }).catch((error: unknown) => {
      throw new FleetError('QUEUE_UNREACHABLE', `The queues do not answer: ${reasonOf(error)}`, {
        advice: 'The pass may still run when they answer again',
      });
    });
    return reply.redirect(`${hostPath(host)}?asked=${encodeURIComponent(String(job.id))}`, 303);
  });
  app.get<OfDecky>('/deckies/:host/:name', async ({ url, params: { host, name } }, reply) =>
    send(
      reply,
      await once(url, () => deckyPage(ports, host, name)),
      problem(
        name,
        `No decky ${name} is declared or recorded on host ${host}.`,
        'It may have been removed; see the history.',
      ),
    ),
  );
}

const noWorker = (host: string): Page =>
  problem('No pass', `Host ${host} cannot be observed: ${unseen}.`, 'Start its worker there: node worker.ts');

const noHost = (host: string): Page =>
  problem('No such host', `Host ${host} is unknown.`, 'A host appears after its worker has started once.');

/** Sends a page. @param missing the page to send, with 404, when `page` is null */
function send(reply: FastifyReply, page: Page | null, missing?: Page): FastifyReply {
  if (page === null) void reply.code(404);
  return reply.type('text/html; charset=utf-8').send(layout(page ?? missing ?? problem('Not found', '', '')));
}

/** The path of an address, safe for a log. */
const pathForLog = (url: string): string => printable(url.split('?')[0] ?? '').slice(0, 300);

/** Answers an error with its reason, and an unexpected error without details; never with a stack. */
function fail(error: unknown, request: FastifyRequest, reply: FastifyReply, { log }: WebPorts): FastifyReply {
  const isOurs = error instanceof FleetError;
  const status = isOurs
    ? error.code === 'CONFIG_INVALID'
      ? 400
      : 503
    : error instanceof Error &&
        'statusCode' in error &&
        typeof error.statusCode === 'number' &&
        error.statusCode < 500
      ? error.statusCode
      : 500;
  if (status === 500) log.error({ error, path: pathForLog(request.url) }, 'a page failed');
  const why = status === 500 ? 'Internal error; see the log of the dashboard.' : reasonOf(error);
  return cannotShow(reply.code(status), request.url, why);
}

/** Sends an error, as JSON for the API and as a page otherwise. */
function cannotShow(reply: FastifyReply, url: string, why: string): FastifyReply {
  if (/^(\/queues)?\/api\//.test(url)) return reply.send({ error: why });
  return send(
    reply,
    problem(
      'This page cannot be shown',
      why,
      'Passes are not affected. Reload to try again, or run decnet-fleet doctor to check every part.',
    ),
  );
}
