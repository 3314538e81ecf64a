/** Limits for clients of the dashboard. */
export interface WebLimits {
  /** Milliseconds for a request to arrive, head and body together. */
  readonly requestMs: number;
  /** Milliseconds without a byte either way, after which a connection is closed. */
  readonly silenceMs: number;
  /** The maximum number of connections; further ones are closed immediately. */
  readonly connections: number;
}

/** The event stream sends a message every 5 s, so `silenceMs` does not end it. */
export const webLimits: WebLimits = { requestMs: 30_000, silenceMs: 120_000, connections: 2000 };

/** The maximum size of a form in bytes. */
export const formBytes = 16 * 1024;
/** The maximum size of any other body in bytes. */
export const bodyBytes = 1024 * 1024;

/** How often Node checks for late requests within `requestMs`. */
const checksPerRequest = 8;

/** The limits as options of Fastify. */
export const serverOptions = ({ requestMs, silenceMs }: WebLimits) => ({
  requestTimeout: requestMs,
  connectionTimeout: silenceMs,
  http: {
    headersTimeout: requestMs,
    connectionsCheckingInterval: Math.ceil(requestMs / checksPerRequest),
  },
});

/**
 * Milliseconds within which an answer must begin, else the request fails with 503. A plan waits for a host's worker, and a
 * login for those before it, each with its delay.
 */
export const answerWithinMs = { page: 12_000, plan: 20_000, login: 60_000 };

/** Milliseconds that an answer waits for each store. After that it is sent without the data of that store. */
export const storeWithinMs = { database: 5000, queues: 3000 };
