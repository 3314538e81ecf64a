import type { FastifyInstance } from 'fastify';
import { FleetError } from '../lib/errors.ts';

/** The first segments of the dashboard's own paths. A prefix must not begin with one of them: the paths would be ambiguous. */
const ours = [
  'api',
  'assets',
  'audit',
  'availability',
  'deckies',
  'healthz',
  'history',
  'hosts',
  'incidents',
  'login',
  'logout',
  'metrics',
  'queues',
  'readyz',
  'silences',
];

/**
 * The path at which a proxy serves the dashboard: empty, or for example `/decnet`.
 * @param publicUrl an address @throws FleetError CONFIG_INVALID
 */
export function prefixOf(publicUrl: string | null): string {
  const path = publicUrl === null ? '' : new URL(publicUrl).pathname.replace(/\/+$/, '');
  if (path === '') return '';
  const isPlain = /^(\/[a-z0-9._~-]+)+$/i.test(path);
  if (isPlain && !ours.includes(path.split('/')[1] ?? '')) return path;
  throw new FleetError('CONFIG_INVALID', `DASHBOARD_PUBLIC_URL has the path "${path}"`, {
    advice: `Allowed: a path of A-Z a-z 0-9 . _ ~ - whose first part is none of ${ours.join(', ')}`,
  });
}

/** The path without the prefix, whether or not the proxy has removed it. */
export function withoutPrefix(path: string, prefix: string): string {
  const isBelow = prefix !== '' && path.startsWith(prefix) && /^([/?]|$)/.test(path.slice(prefix.length));
  return isBelow ? path.slice(prefix.length).replace(/^(?!\/)/, '/') : path;
}

/**
 * Adds the prefix to every link of a page and to every redirect. In the markup of the pages and of Bull Board, an address is
 * the value of an attribute and begins with a slash; text there has no unescaped quotes.
 */
export function linkBelow(app: FastifyInstance, prefix: string): void {
  if (prefix === '') return;
  app.addHook('onSend', async (_request, reply, body) => {
    const location = reply.getHeader('location');
    if (typeof location === 'string' && /^\/(?!\/)/.test(location))
      void reply.header('location', prefix + location);
    const isPage = String(reply.getHeader('content-type')).startsWith('text/html');
    return isPage && typeof body === 'string'
      ? body.replace(/( (?:href|src|action)=")\/(?!\/)/g, `$1${prefix}/`)
      : body;
  });
}
