import type { FastifyInstance, FastifyReply } from 'fastify';
import { parseScope } from '../fleet/silences/silence.ts';
import { parseWindow, windowText } from '../fleet/silences/window.ts';
import { givenWhy } from '../fleet/who-why.ts';
import { FleetError } from '../lib/errors.ts';
import { isObject } from '../lib/json.ts';
import { type Query, textOf } from './address.ts';
import { send } from './answers.ts';
import { problem } from './layout.ts';
import { hoursOffered, silencesPage } from './pages/silences.ts';
import type { WebPorts } from './ports.ts';

export interface ActOptions {
  readonly ports: WebPorts;
  /** Who has logged in; null: nobody can, and nothing can be changed. */
  readonly user: string | null;
  /** Makes the next pages show what has changed. */
  changed(): void;
}

type OfId = { Params: { id: string } };

/** The page of silences, and what people do about incidents. The checks of every request come first (`admission.ts`). */
export function registerActs(app: FastifyInstance, { ports, user, changed }: ActOptions): void {
  app.get<{ Querystring: Query }>('/silences', async ({ query }, reply) =>
    send(reply, await silencesPage(ports, textOf(query, 'incident'), user !== null)),
  );
  if (user === null) return;
  const done = (reply: FastifyReply, path: string): FastifyReply => {
    changed();
    return reply.redirect(path, 303);
  };
  app.post('/silences', async ({ body }, reply) => {
    await ports.silences.add({
      scope: scopeIn(body),
      until: { seconds: hoursIn(body) * 3600 },
      every: everyIn(body),
      by: user,
      why: givenWhy(fieldOf(body, 'why')),
    });
    return done(reply, '/silences');
  });
  app.post<OfId>('/silences/:id/end', async ({ params: { id } }, reply) => {
    const isDone = /^\d{1,15}$/.test(id) && (await ports.silences.end(Number(id), user));
    return isDone ? done(reply, '/silences') : send(reply.code(404), noSilence(id));
  });
  app.post<OfId>('/incidents/:id/acknowledge', async ({ params: { id }, body }, reply) => {
    const isDone = await ports.silences.acknowledge(id, user, givenWhy(fieldOf(body, 'why')));
    return isDone ? done(reply, '/') : send(reply.code(404), notOpen(id));
  });
  app.post<OfId>('/incidents/:id/unacknowledge', async ({ params: { id } }, reply) =>
    (await ports.silences.unacknowledge(id)) ? done(reply, '/') : send(reply.code(404), notOpen(id)),
  );
}

/** A field of a form; empty: it is not there. */
function fieldOf(body: unknown, name: string): string {
  const found = isObject(body) && Object.hasOwn(body, name) ? body[name] : '';
  return typeof found === 'string' ? found.trim() : '';
}

function scopeIn(body: unknown): ReturnType<typeof parseScope> & object {
  const scope = parseScope(fieldOf(body, 'scope'));
  if (scope === null) throw new FleetError('CONFIG_INVALID', 'The form does not say what is silenced');
  return scope;
}

function hoursIn(body: unknown): number {
  const hours = hoursOffered.find((one) => String(one) === fieldOf(body, 'hours'));
  if (hours === undefined) throw new FleetError('CONFIG_INVALID', 'The form does not say for how long');
  return hours;
}

function everyIn(body: unknown): string | null {
  const text = fieldOf(body, 'every');
  if (text === '') return null;
  const found = parseWindow(text);
  if ('fault' in found)
    throw new FleetError('CONFIG_INVALID', 'The times of the silence are not valid', { advice: found.fault });
  return windowText(found);
}

const noSilence = (id: string) =>
  problem(
    'No such silence',
    `Silence ${id} is over, or there never was one.`,
    'Reload the page of silences.',
  );
const notOpen = (id: string) =>
  problem('No such incident', `Incident ${id} is not open, or was not acknowledged.`, 'It may have ended.');
