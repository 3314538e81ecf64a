import { type ClientRequest, Agent as HttpAgent, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { addAbortSignal } from 'node:stream';
import { inspect } from 'node:util';
import Docker, { type DockerOptions } from 'dockerode';
import { isObject, type Json, property } from '../lib/json.ts';
import { heldBytes } from './held-bytes.ts';
import { type EngineLimits, inWords } from './limits.ts';
import { keptText } from './words.ts';

/** What is asked of an engine: GET requests alone, whose answers are counted as they arrive. */
export interface Client {
  /**
   * An answer as it arrives; the reader counts its bytes.
   * @param signal ends the answer, too
   * @throws Refusal the engine's status is another than 200
   */
  open(path: string, query: Query, signal: AbortSignal): Promise<IncomingMessage>;
  /** A whole answer. @throws Error as `open`, or it is too long, or no JSON */
  json(path: string, signal: AbortSignal): Promise<Json>;
  /** Waits for a whole answer, whatever it is. @throws Error as `open`, or it is too long */
  answered(path: string, signal: AbortSignal): Promise<void>;
}

/** The engine's own words against a request. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Where one container is told of. @param container its name or id, any text at all */
export const inspection = (container: string): string =>
  `/containers/${encodeURIComponent(container.toWellFormed())}/json`;

export type Query = Readonly<Record<string, boolean | Readonly<Record<string, readonly string[]>>>>;

/** docker-modem itself reads an answer whose status it does not take, without a limit: it takes every one. */
const everyStatus = new Proxy<Record<number, boolean>>({}, { get: () => true });

/** @param limits bytes of an answer, and of one that says why a request failed */
export function engineClient(
  options: DockerOptions,
  limits: Pick<EngineLimits, 'bodyBytes' | 'errorBytes'>,
): Client {
  const docker = new Docker({ ...options, agent: agentFor(options.protocol === 'https') } as DockerOptions);

  const dial = (path: string, query: Query, abortSignal: AbortSignal): Promise<IncomingMessage> =>
    new Promise<IncomingMessage>((done, fail) => {
      // Of an answer that is no HTTP, an upgrade for one, docker-modem may be told nothing at all.
      abortSignal.addEventListener('abort', () => fail(abortSignal.reason), { once: true });
      const asked = {
        path: `${path}?`,
        method: 'GET',
        isStream: true,
        statusCodes: everyStatus,
        abortSignal,
      };
      docker.modem.dial({ ...asked, options: { ...query } }, (error: unknown, answer: unknown) =>
        error === null ? done(answer as IncomingMessage) : fail(error as Error),
      );
    });
  const open: Client['open'] = async (path, query, signal) => {
    // A request's signal does not end its answer for certain.
    const answer = addAbortSignal(signal, await dial(path, query, signal));
    if (answer.statusCode === 200) return answer;
    throw await refusal(answer, limits.errorBytes);
  };
  const read = async (path: string, signal: AbortSignal): Promise<Buffer> => {
    const body = await whole(await open(path, {}, signal), limits.bodyBytes);
    if (body === null) throw new Error(`it answered with more than ${inWords(limits.bodyBytes)}`);
    return body;
  };
  return {
    open,
    json: async (path, signal) => jsonOf(await read(path, signal)),
    answered: async (path, signal) => void (await read(path, signal)),
  };
}

/**
 * docker-modem follows a redirect wherever it points, without a limit of time, and one that cannot be followed ends the
 * process. No engine redirects: where to, it is not told.
 */
function agentFor(secure: boolean): HttpAgent {
  // As Node's own.
  const choice = { keepAlive: true, scheduling: 'lifo', timeout: 5000 } as const;
  const agent = secure ? new HttpsAgent(choice) : new HttpAgent(choice);
  const taking = agent as unknown as { addRequest(request: ClientRequest, ...rest: unknown[]): void };
  const addRequest = taking.addRequest.bind(agent);
  taking.addRequest = (request, ...rest) => {
    request.prependListener('response', ({ headers }: IncomingMessage) => {
      delete headers.location;
    });
    addRequest(request, ...rest);
  };
  // docker-modem writes out all that belongs to a request, to nobody: an agent holds every connection.
  return Object.assign(agent, { [inspect.custom]: () => 'Agent' });
}

/** As docker-modem words it. */
async function refusal(answer: IncomingMessage, limitBytes: number): Promise<Refusal> {
  const status = answer.statusCode ?? 0;
  const kind = { 400: 'bad parameter', 500: 'server error' }[status] ?? 'unexpected';
  const body = await whole(answer, limitBytes);
  const words = body === null ? 'with more words than are read' : wordsOf(body.toString());
  return new Refusal(
    status,
    `(HTTP code ${status}) ${kind} - ${keptText(words.replace(/\s+/g, ' ').trim(), 400)}`,
  );
}

/** The message in an engine's words, else all of them. */
function wordsOf(body: string): string {
  try {
    const said = JSON.parse(body) as Json;
    const message = isObject(said) ? (property(said, 'message') ?? property(said, 'error')) : said;
    return typeof message === 'string' ? message : body;
  } catch {
    return body;
  }
}

/** Bytes of an answer that is as usual. */
const smallBody = 8 * 1024;

/** Null: it is longer, and was left there. */
async function whole(chunks: AsyncIterable<Buffer>, limitBytes: number): Promise<Buffer | null> {
  const held = heldBytes(smallBody);
  for await (const chunk of chunks) {
    if (held.length() + chunk.length > limitBytes) return null;
    held.add(chunk);
  }
  return held.view();
}

/** @throws Error without the engine's own text, which SyntaxError would quote */
function jsonOf(body: Buffer): Json {
  try {
    return JSON.parse(body.toString()) as Json;
  } catch {
    throw new Error('what it answered is no JSON');
  }
}
