import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DockerSettings } from '../../src/docker/connection.ts';
import { engineOf, type FakeEngine } from './fake-engine.ts';

/** An engine that is broken, or wants to break whoever asks it. */
export interface HostileEngine extends FakeEngine {
  /** The paths that were asked, without what follows a question mark, in their order. */
  readonly asked: readonly string[];
  /** How many requests of this kind were open at once, at most. */
  mostOpen(path: RegExp): number;
  /** How many are open now. */
  open(): number;
}

export type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** @param answers by path, without what follows a question mark, the first that fits; others are not found */
export async function hostileEngine(answers: readonly (readonly [RegExp, Answer])[]): Promise<HostileEngine> {
  const asked: string[] = [];
  const opened = new Map<ServerResponse, string>();
  const most = new Map<string, number>();
  const engine = await engineOf((request, response) => {
    const path = (request.url ?? '').replace(/\?.*/, '');
    asked.push(path);
    opened.set(response, path);
    for (const [kind] of answers) {
      const now = [...opened.values()].filter((one) => kind.test(one)).length;
      most.set(kind.source, Math.max(now, most.get(kind.source) ?? 0));
    }
    response.on('close', () => opened.delete(response));
    const answer = answers.find(([kind]) => kind.test(path))?.[1] ?? refused(404, '{"message":"not here"}');
    answer(response, request);
  });
  return {
    ...engine,
    asked,
    mostOpen: (path) => most.get(path.source) ?? 0,
    open: () => opened.size,
  };
}

/** How it is asked. */
export const settingsOf = ({ host }: FakeEngine): DockerSettings => ({
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

/** As fast as it is read, without an end. @param next told how often it was asked before */
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

/** A piece every so many milliseconds, without an end. */
export const trickle =
  (first: string, next: string, everyMs: number, status = 200): Answer =>
  (response) => {
    response.writeHead(status);
    response.write(first);
    const timer = setInterval(() => response.write(next), everyMs);
    response.on('close', () => clearInterval(timer));
  };

/** What no HTTP server would say. */
export const raw =
  (text: string): Answer =>
  (response) =>
    void response.socket?.write(text);

export const longText = 'x'.repeat(64 * 1024);
