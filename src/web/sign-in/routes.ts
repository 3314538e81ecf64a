import type { FastifyInstance } from 'fastify';
import type { Query } from '../address.ts';
import { send } from '../answers.ts';
import { audited } from '../audit/audited.ts';
import { fieldOf } from '../forms.ts';
import { problem } from '../layout.ts';
import { answerWithinMs } from '../limits.ts';
import { loginPage } from '../pages/login.ts';
import type { SignIn } from './sign-in.ts';
import { targetIn } from './target.ts';

/** The login page, and the end of a session. */
export function registerSignIn(app: FastifyInstance, signIn: SignIn): void {
  app.get<{ Querystring: Query }>('/login', { config: { isPublic: true } }, async ({ query }, reply) => {
    const to = targetIn([query.to ?? null].flat()[0] ?? null);
    if (signIn.isOpen) return reply.redirect(to, 303);
    return signIn.takesPasswords ? send(reply, loginPage(to, null)) : send(reply.code(401), onlyProxy);
  });
  app.post('/login', { config: ofLogin }, async (request, reply) => {
    const { body } = request;
    const to = targetIn(fieldOf(body, 'to'));
    const user = fieldOf(body, 'user');
    const result = await signIn.check(request, reply, { user, password: passwordIn(body) });
    if (result.is === 'gone') return reply;
    if (result.is === 'refused') {
      const seconds = Math.max(1, Math.ceil(result.againInMs / 1000));
      const said = `Too many logins from this address are waiting. Try again in ${seconds} s.`;
      return send(reply.code(429).header('retry-after', seconds), loginPage(to, said));
    }
    if (result.is !== 'right')
      return send(reply.code(401), loginPage(to, 'The name or the password is wrong.'));
    audited(request, { who: result.account.name });
    return reply.header('set-cookie', await signIn.begin(request, user)).redirect(to, 303);
  });
  app.post('/logout', { config: { isPublic: true, act: 'sign out' } }, async (request, reply) =>
    reply.header('set-cookie', signIn.end(request)).redirect('/login', 303),
  );
}

const ofLogin = { isPublic: true, act: 'sign in', answerWithinMs: answerWithinMs.login } as const;

/** Unlike other fields, a password is taken as it is. */
function passwordIn(body: unknown): string {
  const given = (body as { readonly password?: unknown } | null)?.password;
  return typeof given === 'string' ? given : '';
}

const onlyProxy = problem(
  'Not signed in',
  'Nobody can sign in here: a proxy in front of the dashboard says who you are, and it did not.',
  'Open the address of the proxy.',
);
