import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Act, type AuditEntry, outcomeOf, type Via } from '../../fleet/audit.ts';
import { endsWithin } from '../../lib/ends-within.ts';
import type { Log } from '../../lib/log.ts';
import type { Audit } from '../../views/audit.ts';
import type { LoginLine } from '../logins.ts';
import { boardAct } from './board-acts.ts';

/** What a route knows about its act, beyond its name and the host in its address. */
export type AuditNote = Partial<Pick<AuditEntry, 'who' | 'host' | 'target' | 'details'>>;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The act of a route that changes something. */
    act?: Act;
  }
  interface FastifyRequest {
    auditNote: AuditNote;
  }
}

/** Milliseconds that an answer waits for its record, so that who acts finds it on the page. */
const recordedWithinMs = 1000;

/** Adds to the record of a request's act. */
export function audited(request: FastifyRequest, note: AuditNote): void {
  request.auditNote = { ...request.auditNote, ...note };
}

/** Whether a request may change something. */
export const changes = (method: string): boolean => method !== 'GET' && method !== 'HEAD';

/** Records the act of each request that changes something, or would, with its outcome. An act that cannot be recorded is logged. */
export function auditRecorder(audit: Pick<Audit, 'record'>, log: Log) {
  const pending = new Set<Promise<void>>();
  const record = (entry: AuditEntry): Promise<void> => {
    const recorded = audit.record(entry).catch((error: unknown) => {
      log.error({ ...entry, error }, 'an act could not be recorded');
    });
    pending.add(recorded);
    return recorded.finally(() => pending.delete(recorded));
  };
  return {
    register: (app: FastifyInstance): void => {
      app.decorateRequest('auditNote');
      app.addHook('onRequest', async (request) => {
        request.auditNote = {};
      });
      app.addHook('onSend', async (request, reply) => {
        const entry = entryOf(request, reply.statusCode);
        if (entry !== null) await endsWithin(recordedWithinMs, record(entry));
      });
    },
    /** Records wrong logins. @param user null: not known, or no user of ours */
    wrongLogins: ({ address, wrong, unchecked }: LoginLine, user: string | null): void => {
      const details = `${wrong} wrong, ${unchecked} not checked, from ${address}`;
      const act = { via: 'page', act: 'sign in', host: null, target: null, outcome: 'refused' } as const;
      void record({ ...act, who: user ?? 'unknown', details });
    },
    /** Waits for what is not yet recorded. */
    close: async (): Promise<void> => void (await Promise.all(pending)),
  };
}

/** Null: the request changes nothing, or who sent it is not known. */
function entryOf(request: FastifyRequest, status: number): AuditEntry | null {
  const { method, routeOptions, visitor, auditNote, params, is404 } = request;
  const who = auditNote.who ?? visitor?.name ?? null;
  if (!changes(method) || who === null || is404) return null;
  const fromBoard = boardAct(method, routeOptions.url ?? '', params as Record<string, string>);
  const act = routeOptions.config.act ?? fromBoard?.act;
  if (act === undefined) return null;
  const { host = null, id = null } = params as Readonly<Record<string, string>>;
  return {
    via: fromBoard === null ? viaOf(request) : 'board',
    act,
    host: fromBoard?.host ?? host,
    target: fromBoard?.target ?? id,
    details: null,
    ...auditNote,
    who,
    outcome: outcomeOf(status),
  };
}

/** A browser asks for a page after a form, and other clients do not. */
const viaOf = ({ headers }: FastifyRequest): Via =>
  (headers.accept ?? '').includes('text/html') ? 'page' : 'api';
