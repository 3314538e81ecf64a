import { type ClientRequest, Agent as HttpAgent, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { addAbortSignal } from 'node:stream';
import { inspect } from 'node:util';
import type { DockerOptions } from 'dockerode';
import { isObject, type Json, property } from '../lib/json.ts';
import { Docker } from './dockerode.ts';
import { heldBytes } from './held-bytes.ts';
import { type EngineLimits, inWords } from './limits.ts';
import { keptText } from './words.ts';

/** Sends GET requests to an engine, with a limit on the size of the answers. */
export interface Client {
  /**
   * Opens an answer as a stream. The caller limits its size.
   * @param signal also ends the stream
   * @throws Refusal when the status is not 200
   */
  open(path: string, query: Query, signal: AbortSignal): Promise<IncomingMessage>;
  /** Reads an answer as it is. @throws Error as `open`, or when it is too long */
  bytes(path: string, query: Query, signal: AbortSignal): Promise<Buffer>;
  /** Reads an answer as JSON. @throws Error as `open`, or when it is too long or not valid JSON */
  json(path: string, signal: AbortSignal): Promise<Json>;
  /** Reads an answer and discards it. @throws Error as `open`, or when it is too long */
  answered(path: string, signal: AbortSignal): Promise<void>;
}

/** The engine's error message for a request. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The path to inspect a container. @param container its name or id; any text is allowed */
export const inspection = (container: string): string =>
  `/containers/${encodeURIComponent(container.toWellFormed())}/json`;

/** The path to read the log of a container. */
export const logsOf = (container: string): string =>
  `/containers/${encodeURIComponent(container.toWellFormed())}/logs`;

export type Query = Readonly<Record<string, boolean | string | Readonly<Record<string, readonly string[]>>>>;

/** Accept every status: docker-modem reads the answer of a status that it does not accept without a size limit. */
const everyStatus = new Proxy<Record<number, boolean>>({}, { get: () => true });

/** @param limits the maximum sizes of an answer and of an error message, in bytes */
export function engineClient(
  options: DockerOptions,
  limits: Pick<EngineLimits, 'bodyBytes' | 'errorBytes'>,
): Client {
  const docker = new Docker({ ...options, agent: agentFor(options.protocol === 'https') } as DockerOptions);

  const dial = (path: string, query: Query, abortSignal: AbortSignal): Promise<IncomingMessage> =>
    new Promise<IncomingMessage>((done, fail) => {
      // docker-modem may never call back when the answer is not HTTP, for example an upgrade.
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
    // The signal of a request does not reliably end its answer.
    const answer = addAbortSignal(signal, await dial(path, query, signal));
    if (answer.statusCode === 200) return answer;
    throw await refusal(answer, limits.errorBytes);
  };
  const bytes: Client['bytes'] = async (path, query, signal) => {
    const body = await whole(await open(path, query, signal), limits.bodyBytes);
    if (body === null) throw new Error(`its answer is larger than ${inWords(limits.bodyBytes)}`);
    return body;
  };
  return {
    open,
    bytes,
    json: async (path, signal) => jsonOf(await bytes(path, {}, signal)),
    answered: async (path, signal) => void (await bytes(path, {}, signal)),
  };
}

/**
 * An agent that removes the `Location` header. docker-modem follows any redirect without a time limit, and a redirect that it
 * cannot follow ends the process. Engines do not send redirects.
 */
function agentFor(secure: boolean): HttpAgent {
  // The settings of Node's global agent.
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
  // docker-modem formats each request for debug output, even if it is disabled; an agent with all its connections is expensive.
  return Object.assign(agent, { [inspect.custom]: () => 'Agent' });
}

/** The error for a status other than 200, with the same text as docker-modem's. */
async function refusal(answer: IncomingMessage, limitBytes: number): Promise<Refusal> {
  const status = answer.statusCode ?? 0;
  const kind = { 400: 'bad parameter', 500: 'server error' }[status] ?? 'unexpected';
  const body = await whole(answer, limitBytes);
  const words = body === null ? 'the message is too long' : wordsOf(body.toString());
  return new Refusal(
    status,
    `(HTTP code ${status}) ${kind} - ${keptText(words.replace(/\s+/g, ' ').trim(), 400)}`,
  );
}

/** The message in an engine's error, else the whole text. */
function wordsOf(body: string): string {
  try {
    const said = JSON.parse(body) as Json;
    const message = isObject(said) ? (property(said, 'message') ?? property(said, 'error')) : said;
    return typeof message === 'string' ? message : body;
  } catch {
    return body;
  }
}

/** The initial capacity for an answer in bytes. */
const smallBody = 8 * 1024;

/** Reads a stream to its end; null: it is longer than the limit, and the rest was not read. */
async function whole(chunks: AsyncIterable<Buffer>, limitBytes: number): Promise<Buffer | null> {
  const held = heldBytes(smallBody);
  for await (const chunk of chunks) {
    if (held.length() + chunk.length > limitBytes) return null;
    held.add(chunk);
  }
  return held.view();
}

/** @throws Error when it is not valid JSON; unlike SyntaxError, the message does not quote the engine's text */
function jsonOf(body: Buffer): Json {
  try {
    return JSON.parse(body.toString()) as Json;
  } catch {
    throw new Error('its answer is not valid JSON');
  }
}

/** The maximum number of concurrent requests. */
const concurrency = 8;

/** Sends requests with limited concurrency. @returns the answers, in the order of the questions */
export async function eachOf<Q, A>(
  questions: readonly Q[],
  ask: (question: Q) => Promise<A>,
): Promise<readonly A[]> {
  const answers: A[] = [];
  const queue = questions.entries();
  const next = async (): Promise<void> => {
    for (const [at, question] of queue) answers[at] = await ask(question);
  };
  await Promise.all(Array.from({ length: concurrency }, next));
  return answers;
}
