import { hostname } from 'node:os';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { changes } from './audit/audited.ts';
import type { WebSettings } from './ports.ts';
import {
  contentPolicy,
  hidesControls,
  isCrossSite,
  isFromOurPage,
  isKnownHost,
  repeatedHeader,
  targetFault,
} from './security.ts';
import type { SignIn } from './sign-in/sign-in.ts';
import { loginPath } from './sign-in/target.ts';
import { mayAct } from './sign-in/visitor.ts';

/** Addresses that need neither a login nor a known Host header: they return only yes or no. */
const open = new Set(['/healthz', '/readyz']);

/** Checks the Host header, the login, the origin and the role of each request, and sets the security headers of the answer. */
export function secure(app: FastifyInstance, settings: WebSettings, signIn: SignIn): void {
  const { host, publicUrl, names, proxy } = settings;
  const known = new Set(
    [hostname(), host, publicUrl === null ? '' : new URL(publicUrl).hostname, ...names].map((name) =>
      name.toLowerCase(),
    ),
  );
  app.decorateRequest('visitor', null);
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers({
      'content-security-policy': contentPolicy,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
    });
    const repeated = repeatedHeader(request.raw.rawHeaders, proxy.header);
    if (repeated !== null) return refuse(reply, 400, `The request has more than one ${repeated} header.`);
    const fault = targetFault(request.originalUrl, request.headers.host);
    if (fault !== null) return refuse(reply, 400, fault);
    // Probes do not know the name of the dashboard, and HTTP/1.0 probes send no Host header.
    if (open.has(pathOf(request))) return undefined;
    if (!isKnownHost(request.headers.host, known))
      return refuse(
        reply,
        421,
        'Unknown Host header. Set DASHBOARD_PUBLIC_URL to the address behind the proxy, or add the name to DASHBOARD_HOSTS.',
      );
    return (await signInFault(signIn, request, reply)) ?? changeFault(signIn, request, reply) ?? undefined;
  });
  // No legal name has control characters, and PostgreSQL does not accept NUL.
  app.addHook('preHandler', async (request, reply) =>
    hidesControls(pathOf(request)) ? reply.callNotFound() : undefined,
  );
}

const pathOf = ({ url }: FastifyRequest): string => url.split('?')[0] ?? '';

/** Finds out who sends a request. @returns the answer that refuses it; null: it is known, or need not be */
async function signInFault(
  signIn: SignIn,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply | null> {
  if (request.routeOptions.config.isPublic) {
    request.visitor = await signIn.visitorOfSession(request);
    return null;
  }
  const found = await signIn.find(request, reply);
  switch (found.is) {
    case 'known':
      request.visitor = found.visitor;
      return null;
    case 'refused':
      return refuse(
        reply.header('retry-after', Math.max(1, Math.ceil(found.againInMs / 1000))),
        429,
        'Too many logins from this address are waiting to be checked.',
      );
    default:
      return unknown(request, reply);
  }
}

/** A browser that asks for a page gets the login page; other clients are asked for a login. */
function unknown(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { headers, method, url } = request;
  const asksForPage =
    (headers.accept ?? '').includes('text/html') &&
    headers.authorization === undefined &&
    !/^\/(api\/|metrics$)/.test(pathOf(request));
  // The answer to a form cannot be asked for again.
  if (asksForPage) return reply.redirect(loginPath(changes(method) ? '/' : url), 303);
  // To a script of our pages, Basic would open a dialog of the browser over the page.
  const challenge = isFromOurPage(headers) ? 'Session' : 'Basic';
  return refuse(
    reply.header('www-authenticate', `${challenge} realm="decnet-fleet", charset="UTF-8"`),
    401,
    'Login required: give the name and the password of a user of the dashboard.',
  );
}

/** Checks who may change something. @returns the answer that refuses the request; null: it is allowed */
function changeFault(signIn: SignIn, request: FastifyRequest, reply: FastifyReply): FastifyReply | null {
  const { method, headers, visitor, routeOptions } = request;
  if (!changes(method)) return null;
  if (isCrossSite(headers)) return refuse(reply, 403, 'Refused: the request comes from another site.');
  if (signIn.isOpen)
    return refuse(
      reply,
      403,
      'Read-only: to allow changes, set DASHBOARD_USER and DASHBOARD_PASSWORD, or DASHBOARD_USERS_FILE.',
    );
  if (routeOptions.config.isPublic || (visitor !== null && mayAct(visitor))) return null;
  return refuse(reply, 403, `Refused: ${visitor?.name} has the role look, which cannot change anything.`);
}

const refuse = (reply: FastifyReply, code: number, why: string): FastifyReply =>
  reply.code(code).type('text/plain').send(`${why}\n`);
