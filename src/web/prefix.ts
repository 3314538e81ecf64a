import type { FastifyInstance } from 'fastify';
import { FleetError } from '../lib/errors.ts';

/** What our own addresses begin with: below a prefix of that name the two could not be told apart. */
const ours = ['api', 'assets', 'deckies', 'healthz', 'history', 'hosts', 'metrics', 'queues', 'readyz'];

/**
 * The path below which a proxy shows the dashboard: empty, or `/decnet`.
 * @param publicUrl an address @throws FleetError CONFIG_INVALID
 */
export function prefixOf(publicUrl: string | null): string {
  const path = publicUrl === null ? '' : new URL(publicUrl).pathname.replace(/\/+$/, '');
  if (path === '') return '';
  const isPlain = /^(\/[a-z0-9._~-]+)+$/i.test(path);
  if (isPlain && !ours.includes(path.split('/')[1] ?? '')) return path;
  throw new FleetError('CONFIG_INVALID', `DASHBOARD_PUBLIC_URL has the path "${path}"`, {
    advice: `Allowed: one of A-Z a-z 0-9 . _ ~ - that begins with none of ${ours.join(', ')}`,
  });
}

/** A path as we know it, whether the proxy took the prefix off or not. */
export function withoutPrefix(path: string, prefix: string): string {
  const isBelow = prefix !== '' && path.startsWith(prefix) && /^([/?]|$)/.test(path.slice(prefix.length));
  return isBelow ? path.slice(prefix.length).replace(/^(?!\/)/, '/') : path;
}

/**
 * Has every link of a page, and every redirect, lead below the prefix. In our markup and Bull Board's an address stands in
 * an attribute and begins with a slash; what is text there holds no quote.
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
