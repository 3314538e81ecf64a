import type { FastifyInstance, FastifyReply } from 'fastify';
import { parseScope, scopeText } from '../fleet/silences/silence.ts';
import { parseWindow, windowText } from '../fleet/silences/window.ts';
import { givenWhy } from '../fleet/who-why.ts';
import { FleetError } from '../lib/errors.ts';
import { type Query, textOf } from './address.ts';
import { send } from './answers.ts';
import { audited } from './audit/audited.ts';
import { fieldOf } from './forms.ts';
import { problem } from './layout.ts';
import { hoursOffered, silencesPage } from './pages/silences.ts';
import type { WebPorts } from './ports.ts';
import { actorOf, viewerOf } from './sign-in/visitor.ts';

export interface ActOptions {
  readonly ports: WebPorts;
  /** Makes the next pages show what has changed. */
  changed(): void;
}

type OfId = { Params: { id: string } };

/** The page of silences, and what people do about incidents. The checks of every request come first (`admission.ts`). */
export function registerActs(app: FastifyInstance, { ports, changed }: ActOptions): void {
  app.get<{ Querystring: Query }>('/silences', async (request, reply) =>
    send(reply, await silencesPage(ports, textOf(request.query, 'incident'), viewerOf(request))),
  );
  const done = (reply: FastifyReply, path: string): FastifyReply => {
    changed();
    return reply.redirect(path, 303);
  };
  app.post('/silences', { config: { act: 'silence' } }, async (request, reply) => {
    const silence = { ...silenceIn(request.body), by: actorOf(request) };
    const { scope, why } = silence;
    audited(request, {
      host: 'host' in scope ? scope.host : null,
      target: scopeText(scope),
      details: `${silence.until.seconds / 3600} h${silence.every === null ? '' : ` (${silence.every})`}: ${why}`,
    });
    const { id } = await ports.silences.add(silence);
    audited(request, { target: `${scopeText(scope)}, silence ${id}` });
    return done(reply, '/silences');
  });
  app.post<OfId>('/silences/:id/end', { config: { act: 'unsilence' } }, async (request, reply) => {
    const { id } = request.params;
    audited(request, { target: `silence ${id}` });
    const isDone = /^\d{1,15}$/.test(id) && (await ports.silences.end(Number(id), actorOf(request)));
    return isDone ? done(reply, '/silences') : send(reply.code(404), noSilence(id));
  });
  app.post<OfId>('/incidents/:id/acknowledge', { config: { act: 'ack' } }, async (request, reply) => {
    const { id } = request.params;
    const why = givenWhy(fieldOf(request.body, 'why'));
    audited(request, { details: why });
    const isDone = await ports.silences.acknowledge(id, actorOf(request), why);
    return isDone ? done(reply, '/') : send(reply.code(404), notOpen(id));
  });
  app.post<OfId>('/incidents/:id/unacknowledge', { config: { act: 'unack' } }, async (request, reply) => {
    const { id } = request.params;
    return (await ports.silences.unacknowledge(id)) ? done(reply, '/') : send(reply.code(404), notOpen(id));
  });
}

/** What a form silences. @throws FleetError CONFIG_INVALID */
const silenceIn = (body: unknown) => ({
  scope: scopeIn(body),
  until: { seconds: hoursIn(body) * 3600 },
  every: everyIn(body),
  why: givenWhy(fieldOf(body, 'why')),
});

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
