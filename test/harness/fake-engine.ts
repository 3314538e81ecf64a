import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Docker's API on a socket, answered from memory: for many hosts on one machine. */
export interface FakeEngine {
  readonly host: string;
  stop(): Promise<void>;
}

export function fakeEngine(containers: readonly object[] = []): Promise<FakeEngine> {
  const list = JSON.stringify(containers);
  return engineOf(quietEngine({ containers: containers.length, list: (response) => response.end(list) }));
}

/** What an engine is asked in which nothing ever happens. */
export interface QuietEngine {
  readonly containers: number;
  /** Answers with the whole listing. */
  list(response: ServerResponse): void;
  /** What it tells of one container, by its name or id, or null: it does not exist; default: it knows none. */
  inspect?(container: string): object | null;
}

export function quietEngine({ containers, list, inspect }: QuietEngine): RequestListener {
  return (request, response) => {
    // Some clients ask for a version of the API.
    const path = (request.url ?? '').replace(/^\/v[\d.]+(?=\/)/, '');
    response.setHeader('content-type', 'application/json');
    const id = /^\/containers\/([^/?]+)\/json(?:\?|$)/.exec(path)?.[1];
    const inspected = id === undefined ? null : (inspect?.(id) ?? null);
    // The stream stays open.
    if (path.startsWith('/events')) response.flushHeaders();
    else if (path.startsWith('/containers/json')) list(response);
    else if (inspected !== null) response.end(JSON.stringify(inspected));
    else if (path.startsWith('/_ping')) response.end('OK');
    else if (path.startsWith('/info'))
      response.end(JSON.stringify({ ID: 'fake', ServerVersion: '0', Containers: containers }));
    else response.writeHead(404).end('{"message":"not here"}');
  };
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
