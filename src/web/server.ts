import type { FastifyInstance, FastifyReply } from 'fastify';
import { codeOf, FleetError, reasonOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { registerActs } from './acts.ts';
import { secure } from './admission.ts';
import { limitAnswers } from './answer-limit.ts';
import { cannotShow, fail, pathForLog, send } from './answers.ts';
import { registerApi } from './api.ts';
import { loadAssets, registerAssets } from './assets.ts';
import { auditRecorder, changes } from './audit/audited.ts';
import { compressAnswers } from './compression.ts';
import { createApp } from './create-app.ts';
import { type Page, problem } from './layout.ts';
import { limitedPorts } from './limited.ts';
import { type WebLimits, webLimits } from './limits.ts';
import { liveStream, registerStream } from './live.ts';
import { openBoard } from './open-board.ts';
import type { WebPorts, WebSettings } from './ports.ts';
import { prefixOf } from './prefix.ts';
import { registerProbes } from './probes.ts';
import { registerPages } from './routes.ts';
import { isLoopback } from './security.ts';
import { atMost, shared } from './shared.ts';
import { registerSignIn } from './sign-in/routes.ts';
import { hasUsers, openSignIn } from './sign-in/sign-in.ts';

export interface Dashboard {
  /** The public address. */
  readonly url: string;
  /** The address that it listens on. */
  readonly listensAt: string;
  /** Whether it has no users. */
  readonly isReadOnly: boolean;
  /** The routes that change something. */
  readonly acts: readonly ActRoute[];
  close(): Promise<void>;
}

/** The maximum number of passes requested at once: each uses a connection to the queues' store. */
const concurrentRequests = 4;

/** Starts the dashboard. @throws FleetError CONFIG_INVALID when a login is required or the port is taken */
export async function startDashboard(
  given: WebPorts,
  settings: WebSettings,
  limits: WebLimits = webLimits,
): Promise<Dashboard> {
  const { host } = settings;
  const prefix = prefixOf(settings.publicUrl);
  if (!hasUsers(settings) && !isLoopback(host))
    throw new FleetError('CONFIG_INVALID', `The dashboard requires a login to listen on ${host}`, {
      advice: 'Set DASHBOARD_USER and DASHBOARD_PASSWORD, or DASHBOARD_USERS_FILE, or listen on 127.0.0.1',
    });
  const ports = portsOf(given);
  const app = createApp(prefix, limits, settings.proxy.trusted);
  const acts = actRoutesOf(app);
  const recorder = auditRecorder(ports.audit, ports.log);
  const signIn = await openSignIn(settings, { prefix, log: ports.log, wrong: recorder.wrongLogins });
  recorder.register(app);
  secure(app, settings, signIn);
  answerFaults(app, ports.log);

  const away = (why: string, reply: FastifyReply): FastifyReply =>
    cannotShow(reply.code(503), reply.request.url, why);
  const board = await openBoard(ports, {
    base: prefix,
    canChange: hasUsers(settings),
    away,
    resumed: ports.pauses.resumed,
  });
  app.decorate('hasBoard', board.isInstalled);
  const answers = shared<Page | null>();
  const stream = liveStream(() => ports.pages.pulse(), answers.invalidate, ports.log);
  // A scope of their own: the board changes its answers after those hooks.
  const assets = await loadAssets();
  await app.register((scope, _options, done) => {
    compressAnswers(scope);
    registerAssets(scope, assets);
    registerProbes(scope, ports);
    registerApi(scope, ports);
    registerStream(scope, stream, signIn.holds);
    registerSignIn(scope, signIn);
    registerPages(scope, { ports, board, answers });
    registerActs(scope, { ports, changed: answers.invalidate });
    done();
  });
  await board.register(app);

  const close = async (): Promise<void> => {
    board.close();
    stream.close();
    signIn.close();
    await app.close();
    await recorder.close();
  };
  try {
    const url = await app.listen({ host, port: settings.port });
    return { url: settings.publicUrl ?? url, listensAt: url, isReadOnly: signIn.isOpen, acts, close };
  } catch (error) {
    await close();
    throw listenFault(error, settings);
  }
}

export interface ActRoute {
  readonly method: string;
  /** With parameters: `/hosts/:host/pause`. */
  readonly url: string;
}

/** Collects the routes that change something. It is complete when all routes are there. */
function actRoutesOf(app: FastifyInstance): readonly ActRoute[] {
  const routes: ActRoute[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) if (changes(one)) routes.push({ method: one, url });
  });
  return routes;
}

/** The ports, with a time limit for each call and few passes at once. */
function portsOf(given: WebPorts): WebPorts {
  const few = atMost(concurrentRequests);
  return limitedPorts({
    ...given,
    request: (data, timeoutMs) => few(() => given.request(data, timeoutMs)),
  });
}

/** Answers requests for unknown pages, requests that fail and requests that take too long. */
function answerFaults(app: FastifyInstance, log: Log): void {
  app.setNotFoundHandler((_request, reply) =>
    send(
      reply.code(404),
      problem('Not found', 'This page does not exist.', 'The host or decky may have been removed.'),
    ),
  );
  app.setErrorHandler((error, request, reply) => fail(error, request, reply, log));
  limitAnswers(app, (why, { url }, reply) => {
    log.warn({ path: pathForLog(url) }, 'request timed out');
    cannotShow(reply.code(503), url, why);
  });
}

function listenFault(error: unknown, { host, port }: WebSettings): FleetError {
  const isTaken = codeOf(error) === 'EADDRINUSE';
  return new FleetError('CONFIG_INVALID', isTaken ? `Port ${port} is taken on ${host}` : reasonOf(error), {
    advice: 'Choose another with --port',
  });
}
