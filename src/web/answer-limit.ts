import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { answerWithinMs } from './limits.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The time limit of this route in milliseconds; by default that of a page. */
    answerWithinMs?: number;
  }
}

/**
 * Limits the time until an answer begins. Fastify's own `handlerTimeout` does not fit: it also counts the delay after wrong
 * logins and the time that a slow client takes to send the request.
 * @param tell answers the request with an error message
 */
export function limitAnswers(
  app: FastifyInstance,
  tell: (why: string, request: FastifyRequest, reply: FastifyReply) => void,
): void {
  const timers = new WeakMap<FastifyRequest, NodeJS.Timeout>();
  const stop = (request: FastifyRequest): void => clearTimeout(timers.get(request));
  app.addHook('preHandler', async (request, reply) => {
    const ms = request.routeOptions.config.answerWithinMs ?? answerWithinMs.page;
    const timer = setTimeout(() => {
      // The stream has begun, or the client has gone.
      if (reply.sent || reply.raw.destroyed) return;
      tell(`No answer within ${ms / 1000} s: a store or a host is slow or unreachable.`, request, reply);
    }, ms);
    timers.set(request, timer.unref());
  });
  app.addHook('onSend', async (request) => stop(request));
  app.addHook('onRequestAbort', async (request) => stop(request));
}
