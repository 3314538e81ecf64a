import { createServer, request } from 'node:http';

/** A reverse proxy that serves only a server below a path. */
export interface PathProxy {
  /** The address of the server through the proxy. */
  readonly url: string;
  /** Requests outside the path. */
  readonly strayed: readonly string[];
  /** Sets the server. */
  show(url: string): void;
  close(): Promise<void>;
}

/** @param strips whether to remove the path and to send the server's own `Host`, the default of most proxies */
export async function proxyBelow(prefix: string, strips: boolean): Promise<PathProxy> {
  const strayed: string[] = [];
  let target = '';
  const server = createServer((asked, reply) => {
    const path = asked.url ?? '/';
    if (path !== prefix && !path.startsWith(`${prefix}/`)) {
      strayed.push(path);
      reply.writeHead(404).end('beside it');
      return;
    }
    const { hostname, port, host } = new URL(target);
    const passed = strips ? path.slice(prefix.length) || '/' : path;
    const headers = strips ? { ...asked.headers, host } : asked.headers;
    const onward = request(
      { hostname, port, path: passed, method: asked.method ?? 'GET', headers },
      (answer) => {
        reply.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(reply);
      },
    );
    onward.on('error', () => reply.destroy());
    reply.on('close', () => onward.destroy());
    asked.pipe(onward);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  return {
    url: `http://127.0.0.1:${port}${prefix}`,
    strayed,
    show: (url) => {
      target = url;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
