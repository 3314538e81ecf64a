import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../../lib/log.ts';
import { type LoginResult, loginQueue } from '../login-queue.ts';
import type { LoginLine } from '../logins.ts';
import type { WebSettings } from '../ports.ts';
import { basicLogin } from '../security.ts';
import { type Accounts, type Login, openAccounts } from './accounts.ts';
import { cookiesIn, setCookie } from './cookie.ts';
import { trustedBy } from './proxies.ts';
import { type Session, sessions } from './sessions.ts';
import { isUserName } from './users.ts';
import { openUsersFile } from './users-file.ts';
import { anybody, type Visitor } from './visitor.ts';

/** Who sends a request, or why that is not known. */
export type Found =
  | { readonly is: 'known'; readonly visitor: Visitor }
  | { readonly is: 'none' }
  | Exclude<LoginResult, { is: 'right' }>;

export interface SignInOptions {
  /** The path at which a proxy serves the dashboard; empty: none. */
  readonly prefix: string;
  readonly log: Log;
  /** Called for wrong logins, at most once a minute for each address. @param user null: not known, or no user of ours */
  wrong(line: LoginLine, user: string | null): void;
}

export type SignIn = Awaited<ReturnType<typeof openSignIn>>;

/** Whether somebody can sign in in any way. Otherwise everybody sees the pages, and nobody can act. */
export const hasUsers = ({ credentials, usersFile, proxy }: WebSettings): boolean =>
  credentials !== null || usersFile !== null || proxy.header !== null;

/** Finds out who sends a request: a trusted proxy says it, or a login, or a session. @throws FleetError CONFIG_INVALID */
export async function openSignIn(settings: WebSettings, { prefix, log, wrong }: SignInOptions) {
  const { credentials, usersFile, publicUrl } = settings;
  const file = usersFile === null ? null : await openUsersFile(usersFile, credentials?.user ?? null, log);
  const accounts = openAccounts(credentials, file);
  const isUser = (name: string): boolean => name === credentials?.user || accounts.listed(name) !== null;
  const logins = loginQueue(accounts.check, (line, user) => {
    log.warn(line, 'wrong logins');
    // Another name may be a password in the wrong field.
    wrong(line, user !== null && isUser(user) ? user : null);
  });
  const kept = sessions(accounts, () => Date.now() / 1000);
  const proxied = proxiedVisitor(settings, accounts);
  const sessionOf = async ({ headers }: FastifyRequest): Promise<Session | null> => {
    for (const value of cookiesIn(headers.cookie)) {
      const session = await kept.read(value);
      if (session !== null) return session;
    }
    return null;
  };
  const check = async (request: FastifyRequest, reply: FastifyReply, login: Login | null) => {
    const gone = new AbortController();
    const leave = (): void => gone.abort();
    reply.raw.once('close', leave);
    const result = await logins.check(request.ip, login, gone.signal);
    reply.raw.off('close', leave);
    return result;
  };
  const isOpen = !hasUsers(settings);
  const cookie = (request: FastifyRequest, value: string | null): string =>
    setCookie(value, { prefix, isHttps: request.protocol === 'https' || isPublic(publicUrl, request) });

  return {
    /** Whether the dashboard has no users. */
    isOpen,
    /** Whether there are passwords to sign in with. */
    takesPasswords: credentials !== null || file !== null,
    find: async (request: FastifyRequest, reply: FastifyReply): Promise<Found> => {
      const known = (visitor: Visitor): Found => ({ is: 'known', visitor });
      if (isOpen) return known(anybody);
      const byProxy = proxied(request);
      if (byProxy !== null) return known(byProxy);
      const { authorization } = request.headers;
      if (authorization !== undefined) {
        const result = await check(request, reply, basicLogin(authorization));
        return result.is === 'right' ? known({ ...result.account, session: null }) : result;
      }
      const session = await sessionOf(request);
      return session === null ? { is: 'none' } : known({ ...session.account, session });
    },
    check,
    /** Whose session a request has, for pages that need no login; null: nobody's. */
    visitorOfSession: async (request: FastifyRequest): Promise<Visitor | null> => {
      const session = await sessionOf(request);
      return session && { ...session.account, session };
    },
    /** Whether the session of a visitor still holds; somebody without a session signs each request. */
    holds: async (request: FastifyRequest): Promise<boolean> =>
      (request.visitor?.session ?? null) === null || (await sessionOf(request)) !== null,
    begin: async (request: FastifyRequest, name: string): Promise<string> =>
      cookie(request, await kept.begin(name)),
    /** @returns the header that removes the cookie */
    end: (request: FastifyRequest): string => {
      const session = request.visitor?.session ?? null;
      if (session !== null) kept.signOut(session);
      return cookie(request, null);
    },
    close: (): void => {
      logins.close();
      accounts.close();
    },
  };
}

/** The user that a trusted proxy names. The header of any other client means nothing. */
function proxiedVisitor({ credentials, proxy }: WebSettings, accounts: Accounts) {
  const trusts = trustedBy(proxy.trusted);
  return ({ headers, socket }: FastifyRequest): Visitor | null => {
    const name = proxy.header === null ? undefined : headers[proxy.header];
    if (typeof name !== 'string' || !isUserName(name) || !trusts(socket.remoteAddress)) return null;
    const role = name === credentials?.user ? 'act' : (accounts.listed(name)?.role ?? proxy.role);
    return { name, role, session: null };
  };
}

/** Whether a request came to the public address, and that is https: a proxy that is not listed as trusted ends TLS. */
const isPublic = (publicUrl: string | null, { headers }: FastifyRequest): boolean => {
  if (publicUrl === null) return false;
  const { protocol, host } = new URL(publicUrl);
  return protocol === 'https:' && headers.host?.toLowerCase() === host;
};
