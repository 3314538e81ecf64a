import type { FastifyRequest } from 'fastify';
import type { Session } from './sessions.ts';
import type { Role } from './users.ts';

/** Who sends a request. */
export interface Visitor {
  /** Null: the dashboard has no users, and is read-only. */
  readonly name: string | null;
  readonly role: Role;
  /** The session of the login page; null: the request itself says who sends it. */
  readonly session: Session | null;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Null: nobody has signed in. */
    visitor: Visitor | null;
  }
  interface FastifyContextConfig {
    /** Whether a route needs no login. */
    isPublic?: boolean;
  }
}

/** Who sees the pages of a dashboard without users. */
export const anybody: Visitor = { name: null, role: 'look', session: null };

/** What a page depends on. */
export type Viewer = Pick<Visitor, 'name' | 'role'>;

export const viewerOf = ({ visitor }: FastifyRequest): Viewer => visitor ?? anybody;

/** Who acts. Only somebody with a name may. */
export const actorOf = (request: FastifyRequest): string => viewerOf(request).name ?? 'unknown';

export const mayAct = ({ role }: Viewer): boolean => role === 'act';
