import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { encodeFrame, frameReader } from '../../src/bus/decnet-frames.ts';

/** A server of DECNET's bus according to BUS.md, for tests of its client. */
export interface BusServer {
  readonly path: string;
  /** The published messages. */
  readonly published: { readonly topic: string; readonly envelope: Record<string, unknown> }[];
  readonly subscribed: string[];
  /** Sends an event to the clients that subscribed to it. */
  send(topic: string, payload: unknown): void;
  /** Stops reading. */
  hang(): void;
  stop(): Promise<void>;
}

export async function busServer(path: string): Promise<BusServer> {
  rmSync(path, { force: true });
  const sockets = new Map<Socket, Set<string>>();
  const published: BusServer['published'] = [];
  const subscribed: string[] = [];
  const server: Server = createServer((socket) => {
    const topics = new Set<string>();
    sockets.set(socket, topics);
    const read = frameReader();
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      for (const { verb, args, body } of read(chunk)) {
        if (verb === 'SUB') {
          topics.add(args);
          subscribed.push(args);
        } else if (verb === 'PUB') published.push({ topic: args, envelope: JSON.parse(body) });
        else if (verb === 'BYE') socket.end();
        else if (verb !== 'HELLO') socket.destroy();
      }
    });
  });
  await new Promise<void>((done) => server.listen(path, done));
  return {
    path,
    published,
    subscribed,
    send: (topic, payload) => {
      const envelope = JSON.stringify({ v: 1, id: '0'.repeat(32), topic, type: '', ts: 1, payload });
      for (const [socket, topics] of sockets)
        if ([...topics].some((pattern) => matches(pattern, topic)))
          socket.write(encodeFrame('EVT', topic, envelope));
    },
    hang: () => {
      for (const socket of sockets.keys()) socket.pause();
    },
    stop: async () => {
      for (const socket of sockets.keys()) socket.destroy();
      await new Promise<void>((done) => server.close(() => done()));
      rmSync(path, { force: true });
    },
  };
}

/** Whether a pattern with `*` for one word, or `>` for all further ones, fits a topic. */
function matches(pattern: string, topic: string): boolean {
  const [wanted, found] = [pattern.split('.'), topic.split('.')];
  if (wanted.at(-1) === '>')
    return found.length >= wanted.length && wanted.slice(0, -1).every((word, at) => fits(word, found[at]));
  return found.length === wanted.length && wanted.every((word, at) => fits(word, found[at]));
}

const fits = (word: string, token: string | undefined): boolean => word === '*' || word === token;
