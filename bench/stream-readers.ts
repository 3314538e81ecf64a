import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { waitFor } from '../test/harness/wait.ts';

/** The time limit in milliseconds within which every reader must be notified. */
const notifiedWithinMs = 10_000;

/** One reader of `/api/events`, as a plain socket: two hundred of them use little CPU. */
class Reader {
  readonly #socket: Socket;
  /** The received part of an incomplete event. */
  #rest = '';
  #onEvent: (event: string, data: string) => void = () => undefined;
  /** Announced changes so far. */
  changes = 0;
  fault: Error | null = null;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.#socket = connect(Number(port), hostname);
    this.#socket.setEncoding('utf8');
    this.#socket.on('error', (error) => {
      this.fault = error;
    });
    this.#socket.on('close', () => {
      this.fault ??= new Error('the stream ended');
    });
    this.#socket.on('data', (chunk: string) => this.#take(chunk));
    this.#socket.write('GET /api/events HTTP/1.1\r\nhost: localhost\r\n\r\n');
  }

  /** Resolves with the moment at which a change of this host arrives. Milliseconds, `performance.now()`. */
  notified(host: string): Promise<number> {
    return new Promise((done, fail) => {
      const timer = setTimeout(
        () => fail(this.fault ?? new Error(`a reader was not notified of ${host}`)),
        notifiedWithinMs,
      );
      this.#onEvent = (event, data) => {
        if (event !== 'changed' || !data.includes(`"${host}"`)) return;
        clearTimeout(timer);
        this.#onEvent = () => undefined;
        done(performance.now());
      };
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: string): void {
    const parts = (this.#rest + chunk).split('\n\n');
    this.#rest = parts.pop() ?? '';
    for (const part of parts) {
      // The response is chunked: the sizes are on separate lines before an event.
      const [, event = '', data = ''] = /^event: (\w+)\ndata: (.*)$/m.exec(part) ?? [];
      if (event === '') continue;
      if (event === 'changed') this.changes += 1;
      this.#onEvent(event, data);
    }
  }
}

/**
 * The time from the COMMIT of a pass's row, as sent to PostgreSQL, to the event at each reader. The dashboard watches the
 * table, so no message is needed. @returns milliseconds, one for each reader and round
 */
export async function measureStream(
  url: string,
  client: pg.Client,
  options: { readonly readers: number; readonly hosts: readonly string[]; readonly rounds: number },
): Promise<readonly number[]> {
  const readers = Array.from({ length: options.readers }, () => new Reader(url));
  try {
    // A new reader first receives that everything may have changed, which must not count as a round.
    await waitFor(() => readers.every(({ changes }) => changes > 0));
    const latencies: number[] = [];
    for (let round = 0; round < options.rounds; round++) {
      const host = options.hosts[round % options.hosts.length] ?? '';
      // Vary the moment within the stream's own interval.
      await sleep(Math.random() * 600);
      const notified = Promise.all(readers.map((reader) => reader.notified(host)));
      // The first failure is thrown below.
      notified.catch(() => undefined);
      await client.query('begin');
      await client.query(
        'update fleet_hosts set turn = turn + 1, last_pass_at = clock_timestamp() where host_uuid = $1',
        [host],
      );
      await client.query(
        `update fleet_deckies set state = case state when 'running' then 'degraded' else 'running' end, updated_at = now()
         where host_uuid = $1 and name = (select min(name) from fleet_deckies where host_uuid = $1)`,
        [host],
      );
      const committed = performance.now();
      await client.query('commit');
      latencies.push(...(await notified).map((at) => at - committed));
    }
    return latencies;
  } finally {
    for (const reader of readers) reader.close();
  }
}
