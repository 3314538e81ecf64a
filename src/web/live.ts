import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { reasonOf } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { outageLog } from '../lib/outage-log.ts';
import type { Pulse } from '../views/pages.ts';

/** Milliseconds between two checks of the database while there are readers. */
const pollEveryMs = 300;
/** Milliseconds between two heartbeats on a stream. */
const beatEveryMs = 5000;
/** Bytes that may wait for a slow reader before it is disconnected; it reconnects and reads the current state. */
const maxBehind = 64 * 1024;
const maxReaders = 1000;

interface Reader {
  /** Whether no change has been sent to it yet. */
  isNew: boolean;
  holds(): Promise<boolean>;
}

const streamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
} as const;

/**
 * Notifies readers of changes by server-sent events; the events name only the hosts, and readers fetch the page again.
 * @param invalidate called before readers are notified, to drop cached pages
 */
export function liveStream(pulse: () => Promise<Pulse>, invalidate: () => void, log: Log) {
  const readers = new Map<ServerResponse, Reader>();
  let last: string | null = null;
  let isPolling = false;
  const outage = outageLog(
    (error) =>
      log.warn({ error }, 'live updates of the pages failed: the database does not answer; retrying'),
    () => log.info('live updates of the pages work again'),
  );
  let timers: NodeJS.Timeout[] = [];

  const poll = async (): Promise<void> => {
    if (isPolling) return;
    isPolling = true;
    try {
      const now = await pulse();
      const wasDown = outage.isDown();
      outage.works();
      const hasChanged = now.text !== last;
      if (hasChanged) invalidate();
      for (const [answer, reader] of readers) {
        // Changes during an outage, or between the rendering of a page and the start of its stream, are not known:
        // any host may have changed.
        if (wasDown || reader.isNew) send(answer, 'changed', { hosts: null });
        else if (hasChanged) send(answer, 'changed', { hosts: now.hosts.length > 0 ? now.hosts : null });
        reader.isNew = false;
      }
      last = now.text;
    } catch (error) {
      outage.failed(error);
    } finally {
      isPolling = false;
    }
  };
  const beat = (): void => {
    for (const [answer, { holds }] of readers) {
      if (outage.isDown()) send(answer, 'blind', { why: 'the database does not answer' });
      else send(answer, 'beat', {});
      void holds().then((isSignedIn) => isSignedIn || signOut(answer));
    }
  };

  const stopPolling = (): void => {
    for (const timer of timers) clearInterval(timer);
    timers = [];
    last = null;
  };
  return {
    /**
     * @param holds whether the reader is still signed in; otherwise the stream ends with the event `signed-out`
     * @returns false: there are too many readers already
     */
    add: (reader: ServerResponse, holds: () => Promise<boolean>): boolean => {
      if (readers.size >= maxReaders) return false;
      reader.writeHead(200, streamHeaders);
      reader.write('retry: 1000\nevent: beat\ndata: {}\n\n');
      readers.set(reader, { isNew: true, holds });
      reader.on('error', (error) =>
        log.debug({ reason: reasonOf(error) }, 'a reader of the event stream disconnected'),
      );
      reader.on('close', () => {
        readers.delete(reader);
        if (readers.size === 0) stopPolling();
      });
      if (timers.length === 0)
        timers = [setInterval(() => void poll(), pollEveryMs), setInterval(beat, beatEveryMs)];
      return true;
    },
    count: (): number => readers.size,
    close: (): void => {
      stopPolling();
      for (const reader of readers.keys()) reader.end();
      readers.clear();
    },
  };
}

/** Sends an event to a reader, or disconnects the reader if it is slow. */
function send(reader: ServerResponse, event: string, data: object): void {
  if (reader.writableLength > maxBehind) reader.destroy();
  else reader.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}

function signOut(answer: ServerResponse): void {
  send(answer, 'signed-out', {});
  answer.end();
}

/** The route of the stream. */
export function registerStream(
  app: FastifyInstance,
  stream: Pick<ReturnType<typeof liveStream>, 'add'>,
  holds: (request: FastifyRequest) => Promise<boolean>,
): void {
  app.get('/api/events', (request, reply) => {
    // The answer to HEAD has an end; the stream does not.
    if (request.method === 'HEAD') return void reply.headers(streamHeaders).send();
    reply.hijack();
    for (const [name, value] of Object.entries(reply.getHeaders()))
      reply.raw.setHeader(name, value as string);
    if (!stream.add(reply.raw, () => holds(request))) reply.raw.writeHead(503).end();
  });
}
