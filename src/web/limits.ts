/** What a client may take of the dashboard. */
export interface WebLimits {
  /** Milliseconds for a request to arrive, head and body together. */
  readonly requestMs: number;
  /** Milliseconds without a byte either way, after which a connection is closed. */
  readonly silenceMs: number;
  /** Connections at once; each beyond is closed when it comes. */
  readonly connections: number;
}

/** The stream of events sends something every 5 s, and may live for ever. */
export const webLimits: WebLimits = { requestMs: 30_000, silenceMs: 120_000, connections: 2000 };

/** Bytes that a form may send: ours have no fields. */
export const formBytes = 16 * 1024;
/** Bytes of any other body. */
export const bodyBytes = 1024 * 1024;

/** Node looks for requests that are late this often within their time. */
const looksWithin = 8;

/** As Fastify's server takes them. */
export const serverOptions = ({ requestMs, silenceMs }: WebLimits) => ({
  requestTimeout: requestMs,
  connectionTimeout: silenceMs,
  http: {
    headersTimeout: requestMs,
    connectionsCheckingInterval: Math.ceil(requestMs / looksWithin),
  },
});

/** Milliseconds within which an answer begins, else it is that none can be given; a plan waits for a host's worker. */
export const answerWithin = { page: 12_000, plan: 20_000 };

/** Milliseconds that an answer waits for each store; what else is known is told without it. */
export const storeWithin = { database: 5000, queues: 3000 };
