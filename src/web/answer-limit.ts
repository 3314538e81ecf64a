import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { answerWithin } from './limits.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Milliseconds, instead of those of a page. */
    answerWithin?: number;
  }
}

/**
 * No request waits for ever, whatever its answer waits for: it is then told so. Not Fastify's own `handlerTimeout`: that
 * counts the waits after wrong logins, too, and the time that a slow client takes to send.
 * @param tell answers so, in words
 */
export function limitAnswers(
  app: FastifyInstance,
  tell: (why: string, request: FastifyRequest, reply: FastifyReply) => void,
): void {
  const timers = new WeakMap<FastifyRequest, NodeJS.Timeout>();
  const stop = (request: FastifyRequest): void => clearTimeout(timers.get(request));
  app.addHook('preHandler', async (request, reply) => {
    const ms = request.routeOptions.config.answerWithin ?? answerWithin.page;
    const timer = setTimeout(() => {
      // A stream that began, or the reader is gone.
      if (reply.sent || reply.raw.destroyed) return;
      tell(`Nothing came within ${ms / 1000} s: a store, or a host, is slow or away.`, request, reply);
    }, ms);
    timers.set(request, timer.unref());
  });
  app.addHook('onSend', async (request) => stop(request));
  app.addHook('onRequestAbort', async (request) => stop(request));
}
