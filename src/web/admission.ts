import { hostname } from 'node:os';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../lib/log.ts';
import { loginQueue } from './login-queue.ts';
import type { WebSettings } from './ports.ts';
import {
  contentPolicy,
  hidesControls,
  isAuthorized,
  isCrossSite,
  isKnownHost,
  repeatedHeader,
  targetFault,
} from './security.ts';

/** Addresses that need neither a login nor a known Host header: they return only yes or no. */
const open = new Set(['/healthz', '/readyz']);

/** Checks the Host header, the login and the origin of each request, and sets the security headers of the answer. */
export function secure(
  app: FastifyInstance,
  { credentials, host, publicUrl, names }: WebSettings,
  log: Log,
): { close(): void } {
  const known = new Set(
    [hostname(), host, publicUrl === null ? '' : new URL(publicUrl).hostname, ...names].map((name) =>
      name.toLowerCase(),
    ),
  );
  const logins = credentials === null ? null : loginQueue((header) => isAuthorized(header, credentials), log);

  app.addHook('onRequest', async (request, reply) => {
    void reply.headers({
      'content-security-policy': contentPolicy,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
    });
    const repeated = repeatedHeader(request.raw.rawHeaders);
    if (repeated !== null) return refuse(reply, 400, `The request has more than one ${repeated} header.`);
    const fault = targetFault(request.originalUrl, request.headers.host);
    if (fault !== null) return refuse(reply, 400, fault);
    // Probes do not know the name of the dashboard, and HTTP/1.0 probes send no Host header.
    if (open.has(request.url.split('?')[0] ?? '')) return undefined;
    if (!isKnownHost(request.headers.host, known))
      return refuse(
        reply,
        421,
        'Unknown Host header. Set DASHBOARD_PUBLIC_URL to the address behind the proxy, or add the name to DASHBOARD_HOSTS.',
      );
    if (logins !== null) {
      const refused = await loginFault(logins, request, reply);
      if (refused !== null) return refused;
    }
    if (request.method === 'GET' || request.method === 'HEAD') return undefined;
    if (isCrossSite(request.headers))
      return refuse(reply, 403, 'Refused: the request comes from another site.');
    if (credentials === null)
      return refuse(reply, 403, 'Read-only: to allow changes, set DASHBOARD_USER and DASHBOARD_PASSWORD.');
    return undefined;
  });
  // No legal name has control characters, and PostgreSQL does not accept NUL.
  app.addHook('preHandler', async ({ url }, reply) =>
    hidesControls(url.split('?')[0] ?? '') ? reply.callNotFound() : undefined,
  );
  return { close: () => logins?.close() };
}

/** Checks the login. @returns the answer that refuses the request; null: the login is correct */
async function loginFault(
  logins: ReturnType<typeof loginQueue>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply | null> {
  const { authorization } = request.headers;
  if (authorization !== undefined) {
    const gone = new AbortController();
    const leave = (): void => gone.abort();
    reply.raw.once('close', leave);
    const verdict = await logins.check(request.ip, authorization, gone.signal);
    reply.raw.off('close', leave);
    if (verdict.is === 'right') return null;
    if (verdict.is === 'refused')
      return refuse(
        reply.header('retry-after', Math.max(1, Math.ceil(verdict.againInMs / 1000))),
        429,
        'Too many logins from this address are waiting to be checked.',
      );
  }
  return refuse(
    reply.header('www-authenticate', 'Basic realm="decnet-fleet", charset="UTF-8"'),
    401,
    'Login required: use DASHBOARD_USER and DASHBOARD_PASSWORD.',
  );
}

const refuse = (reply: FastifyReply, code: number, why: string): FastifyReply =>
  reply.code(code).type('text/plain').send(`${why}\n`);
