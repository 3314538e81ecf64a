import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Docker's API on a socket, answered from memory: for many hosts on one machine. */
export interface FakeEngine {
  readonly host: string;
  stop(): Promise<void>;
}

export function fakeEngine(containers: readonly object[] = []): Promise<FakeEngine> {
  const list = JSON.stringify(containers);
  return engineOf((request, response) => {
    const url = request.url ?? '';
    if (url.startsWith('/events')) {
      // There are no events; the stream stays open.
      response.writeHead(200, { 'content-type': 'application/json' });
      response.flushHeaders();
    } else if (url.startsWith('/containers/json')) response.end(list);
    else if (url.startsWith('/_ping')) response.end('OK');
    else if (url.startsWith('/info'))
      response.end(JSON.stringify({ ID: 'fake', ServerVersion: '0', Containers: containers.length }));
    else response.writeHead(404).end('{"message":"not here"}');
  });
}

/** An engine with the given answers. */
export async function engineOf(answer: RequestListener): Promise<FakeEngine> {
  const directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-fake-'));
  const path = join(directory, 'docker.sock');
  const server = createServer(answer);
  await new Promise<void>((done) => server.listen(path, done));
  return {
    host: `unix://${path}`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
