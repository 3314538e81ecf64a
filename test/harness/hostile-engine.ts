import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DockerSettings } from '../../src/docker/connection.ts';
import { engineOf, type FakeEngine } from './fake-engine.ts';

/** A broken or hostile engine. */
export interface HostileEngine extends FakeEngine {
  /** The requested paths without query, in order. */
  readonly asked: readonly string[];
  /** The maximum number of concurrent requests of this kind. */
  maxOpen(path: RegExp): number;
  /** The number of open requests. */
  open(): number;
}

export type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** @param answers by path without query; the first match is used, others are not found */
export async function hostileEngine(answers: readonly (readonly [RegExp, Answer])[]): Promise<HostileEngine> {
  const asked: string[] = [];
  const opened = new Map<ServerResponse, string>();
  const max = new Map<string, number>();
  const engine = await engineOf((request, response) => {
    const path = (request.url ?? '').replace(/\?.*/, '');
    asked.push(path);
    opened.set(response, path);
    for (const [kind] of answers) {
      const now = [...opened.values()].filter((one) => kind.test(one)).length;
      max.set(kind.source, Math.max(now, max.get(kind.source) ?? 0));
    }
    response.on('close', () => opened.delete(response));
    const answer = answers.find(([kind]) => kind.test(path))?.[1] ?? refused(404, '{"message":"not here"}');
    answer(response, request);
  });
  return {
    ...engine,
    asked,
    maxOpen: (path) => max.get(path.source) ?? 0,
    open: () => opened.size,
  };
}

/** The settings of a client for it. */
export const settingsOf = ({ host }: Pick<FakeEngine, 'host'>): DockerSettings => ({
  host,
  tlsVerify: false,
  certPath: undefined,
  context: undefined,
  configDir: undefined,
});

export async function withEngine<T>(
  answers: readonly (readonly [RegExp, Answer])[],
  work: (engine: HostileEngine) => Promise<T>,
): Promise<T> {
  const engine = await hostileEngine(answers);
  try {
    return await work(engine);
  } finally {
    await engine.stop();
  }
}

export const body =
  (text: string): Answer =>
  (response) =>
    void response.end(text);

export const refused =
  (status: number, text: string): Answer =>
  (response) =>
    void response.writeHead(status).end(text);

/** An endless answer, as fast as it is read. @param next receives the number of earlier calls */
export const endless =
  (first: string, next: (before: number) => string, status = 200): Answer =>
  (response) => {
    response.writeHead(status);
    response.write(first);
    let count = 0;
    const write = (): void => {
      while (!response.destroyed) if (!response.write(next(count++))) return;
    };
    response.on('drain', write);
    write();
  };

/** An endless answer with a piece every `ms` milliseconds. */
export const trickle =
  (first: string, next: string, everyMs: number, status = 200): Answer =>
  (response) => {
    response.writeHead(status);
    response.write(first);
    const timer = setInterval(() => response.write(next), everyMs);
    response.on('close', () => clearInterval(timer));
  };

/** An answer that is not HTTP. */
export const raw =
  (text: string): Answer =>
  (response) =>
    void response.socket?.write(text);

export const longText = 'x'.repeat(64 * 1024);
