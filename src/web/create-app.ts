import querystring from 'node:querystring';
import { type FastifyInstance, fastify } from 'fastify';
import { bodyBytes, formBytes, serverOptions, type WebLimits } from './limits.ts';
import { linkBelow, withoutPrefix } from './prefix.ts';
import { pathOfTarget, withoutControls } from './security.ts';
import { trustedBy } from './sign-in/proxies.ts';

/**
 * Creates the server, which has no routes yet.
 * @param prefix the path at which a proxy serves the dashboard
 * @param trusted the addresses and networks of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are true
 */
export function createApp(prefix: string, limits: WebLimits, trusted: readonly string[]): FastifyInstance {
  const app = fastify({
    ...serverOptions(limits),
    logger: false,
    forceCloseConnections: true,
    bodyLimit: bodyBytes,
    ...(trusted.length > 0 && { trustProxy: trustedBy(trusted) }),
    routerOptions: {
      maxParamLength: 400,
      querystringParser: parsed,
    },
    rewriteUrl: ({ url = '/' }) => withoutPrefix(pathOfTarget(url), prefix),
    // For an address that cannot be decoded or is too long. No hook runs then.
    frameworkErrors: ({ statusCode }, _request, { raw }) =>
      void raw
        .writeHead(statusCode ?? 400, { 'content-type': 'text/plain' })
        .end('The address is not valid.\n'),
  });
  app.server.maxConnections = limits.connections;
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'buffer', bodyLimit: formBytes },
    (_request, body: Buffer, done) => done(null, parsed(body.toString('utf8'))),
  );
  linkBelow(app, prefix);
  return app;
}

/** The fields of a query or of a form. */
const parsed = (text: string): querystring.ParsedUrlQuery =>
  querystring.parse(text, '&', '=', {
    decodeURIComponent: (part) => withoutControls(querystring.unescape(part)),
  });
