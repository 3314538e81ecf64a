import { Agent, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';

export interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface AskOptions {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
  /** The local address. */
  readonly from?: string;
  readonly signal?: AbortSignal;
}

export const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/** Sends a request on its own connection. Not with fetch, which does not allow setting `Host` and `Origin`. */
export const ask = (url: string, options: AskOptions = {}): Promise<Reply> =>
  new Promise((done, fail) => {
    const { method = 'GET', headers = {}, from, signal } = options;
    const agent = new Agent({ keepAlive: false });
    const asked = request(
      url,
      { method, headers, agent, ...(from && { localAddress: from }), ...(signal && { signal }) },
      (reply) => {
        let body = '';
        reply.setEncoding('utf8').on('data', (chunk: string) => {
          body += chunk;
        });
        reply.on('error', fail);
        reply.on('end', () => done({ status: reply.statusCode ?? 0, headers: reply.headers, body }));
      },
    );
    asked.on('error', fail);
    asked.end(options.body);
  });

/** A raw connection. */
export interface Line {
  write(text: string): void;
  /** The bytes received so far. */
  heard(): string;
  isOpen(): boolean;
  pause(): void;
  resume(): void;
  close(): void;
}

export function line(url: string): Line {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let heard = '';
  let isOpen = true;
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => {
    heard += chunk.toString('latin1');
  });
  socket.on('close', () => {
    isOpen = false;
  });
  return {
    write: (text) => void socket.write(text, 'latin1'),
    heard: () => heard,
    isOpen: () => isOpen,
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    close: () => void socket.destroy(),
  };
}
