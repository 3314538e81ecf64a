import type { FastifyReply, FastifyRequest } from 'fastify';
import { FleetError, reasonOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { printable } from '../lib/text.ts';
import { layout, type Page, problem, type Reader } from './layout.ts';
import { viewerOf } from './sign-in/visitor.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether Bull Board is installed. */
    readonly hasBoard: boolean;
  }
}

const readerOf = (request: FastifyRequest): Reader => ({
  ...viewerOf(request),
  hasSession: request.visitor?.session != null,
  hasBoard: request.server.hasBoard,
});

/** Sends a page. @param missing the page to send, with 404, when `page` is null */
export function send(reply: FastifyReply, page: Page | null, missing?: Page): FastifyReply {
  if (page === null) void reply.code(404);
  return reply
    .type('text/html; charset=utf-8')
    .send(layout(page ?? missing ?? problem('Not found', '', ''), readerOf(reply.request)));
}

/** Whether an address is of the API, ours or Bull Board's, whose errors are JSON. */
export const isForPrograms = (url: string): boolean => /^(\/queues)?\/api([/?]|$)/.test(url);

/** Sends an error, as JSON for the API and as a page otherwise. */
export function cannotShow(reply: FastifyReply, url: string, why: string): FastifyReply {
  if (isForPrograms(url)) return reply.send({ error: why });
  return send(
    reply,
    problem(
      'This page cannot be shown',
      why,
      'Passes do not need this page. This page appears by itself as soon as it can; without scripts, reload it. To check every part, run decnet-fleet doctor.',
      reply.statusCode === 503,
    ),
  );
}

/** Answers an error with its reason, and an unexpected error without details; never with a stack. */
export function fail(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
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
  if (status === 500) log.error({ error, path: pathForLog(request.url) }, 'request failed');
  const why = status === 500 ? 'Internal error; see the log of the dashboard.' : reasonOf(error);
  return cannotShow(reply.code(status), request.url, why);
}

/** What it returns, or the error for users that it throws. */
export function attempt<T>(work: () => T): T | FleetError {
  try {
    return work();
  } catch (error) {
    if (error instanceof FleetError) return error;
    throw error;
  }
}

/** The path of an address, safe for a log. */
export const pathForLog = (url: string): string => printable(url.split('?')[0] ?? '').slice(0, 300);
