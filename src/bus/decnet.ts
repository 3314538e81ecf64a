import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { homeOfOthers } from '../lib/home.ts';
import { encodeFrame, frameReader } from './decnet-frames.ts';
import { envelope, matchesTopic, payloadOf, type Transport } from './transport.ts';

/** Milliseconds between two attempts to connect. */
const retryAfterMs = 1000;

/** The path of DECNET's bus socket on this host. @param configured `DECNET_BUS_SOCKET` @see BUS.md, "The socket" */
export function busSocket(configured: string | null): string {
  if (configured !== null) return configured;
  try {
    accessSync('/run/decnet', constants.W_OK);
    if (statSync('/run/decnet').isDirectory()) return '/run/decnet/bus.sock';
  } catch {
    // DECNET does not run as a service on this host.
  }
  return join(homeOfOthers(), '.decnet', 'bus.sock');
}

/** A client of DECNET's bus on this host. Unlike DECNET's own client it reconnects. */
export function decnetTransport(path: string): Transport {
  const receivers = new Map<string, (payload: unknown, topic: string) => void>();
  let socket: Socket | null = null;
  let opening: Promise<void> = Promise.resolve();
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  const open = (): void => {
    const made = connect(path);
    const read = frameReader();
    opening = new Promise((done) => {
      made.once('connect', () => {
        socket = made;
        made.write(encodeFrame('HELLO', 'decnet-fleet'));
        for (const topic of receivers.keys()) made.write(encodeFrame('SUB', topic));
        done();
      });
      made.once('close', () => {
        socket = null;
        done();
        if (closed) return;
        timer = setTimeout(open, retryAfterMs);
        timer.unref();
      });
    });
    made.on('error', () => made.destroy());
    made.on('data', (chunk: Buffer) => {
      try {
        for (const { verb, args, body } of read(chunk)) {
          if (verb === 'BYE') made.end();
          const payload = verb === 'EVT' ? payloadOf(body) : undefined;
          if (payload === undefined) continue;
          for (const [pattern, receive] of receivers) if (matchesTopic(pattern, args)) receive(payload, args);
        }
      } catch {
        made.destroy();
      }
    });
    made.unref();
  };
  open();

  return {
    name: `DECNET's bus at ${path}`,
    scope: 'host',
    publish: async (messages) => {
      await opening;
      // Without a socket there is no DECNET bus on this host, or not yet, so the message has no reader.
      if (socket === null && !existsSync(path)) return;
      if (socket === null) throw new Error('nothing listens there');
      const frames = messages.map((message) => encodeFrame('PUB', message.topic, envelope(message)));
      await written(socket, Buffer.concat(frames));
    },
    subscribe: (topic, receive) => {
      receivers.set(topic, receive);
      socket?.write(encodeFrame('SUB', topic));
    },
    close: async () => {
      closed = true;
      clearTimeout(timer);
      const open = socket;
      if (open === null) return;
      await new Promise<void>((done) => {
        open.once('close', () => done());
        open.end(encodeFrame('BYE'));
        setTimeout(() => open.destroy(), 500).unref();
        setTimeout(done, 600).unref();
      });
    },
  };
}

/** Resolves when the server has taken the bytes. */
const written = (socket: Socket, bytes: Buffer): Promise<void> =>
  new Promise((done, fail) => {
    socket.write(bytes, (error) => (error == null ? done() : fail(error)));
  });
