import assert from 'node:assert/strict';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { postgresOutbox } from '../../src/database/outbox.ts';
import { createLog, type Log } from '../../src/lib/log.ts';
import { parseReceivers, webhookSettings } from '../../src/notify/addresses.ts';
import { type ControlWatch, startNotifier } from '../../src/notify/notifier.ts';
import { pass } from '../../src/pass/pass.ts';
import { decky, declared, exited, seen, serviceOf } from '../harness/facts.ts';
import { clearControl } from '../harness/incidents.ts';
import { notificationSchema } from '../harness/notification.ts';
import { type Bench, bench } from '../harness/pass.ts';
import { waitFor } from '../harness/wait.ts';

interface Received {
  readonly id: string;
  readonly body: Record<string, unknown>;
  readonly url: string;
  readonly authorization: string | undefined;
  /** When it came, by this process's monotonic clock, milliseconds. */
  readonly at: number;
}

/** A receiver that answers as the test wants, and keeps what it was sent. */
export class Receiver {
  readonly got: Received[] = [];
  answer: (response: ServerResponse) => void = (response) => void response.writeHead(204).end();
  port = 0;
  #server: Server | null = null;

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        this.got.push({
          id: String(request.headers['decnet-notification-id']),
          body: JSON.parse(Buffer.concat(chunks).toString()),
          url: request.url ?? '',
          authorization: request.headers.authorization,
          at: performance.now(),
        });
        this.answer(response);
      });
    });
    await new Promise<void>((done) => server.listen(this.port, '127.0.0.1', done));
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    server?.closeAllConnections();
    if (server !== null) await new Promise((done) => server.close(done));
  }

  get kinds(): readonly string[] {
    return this.got.map(({ body }) => `${body.kind} ${body.name ?? body.count}`);
  }
}

/** A fleet with a database of its own, and a receiver of its messages: scenes do not disturb one another. */
export interface Scene {
  readonly it: Bench;
  readonly to: Receiver;
  /** Runs until the end of the scene, if the test does not end it. @param path of the receiver, or a whole address, or several as DECNET_NOTIFY has them; null: there is none */
  notifier(
    path?: string | null | readonly string[],
    log?: Log,
    control?: ControlWatch,
  ): { close(): Promise<void> };
  /** One pass. @param host default: `local` */
  run(host?: string): Promise<void>;
  /** The file declares them, and all run but those that are named. */
  fleetOf(all: readonly string[], failed?: readonly string[]): Promise<void>;
  received(count: number): Promise<void>;
  /** What the receiver has got is known to have arrived: a sender that ends before is not, and sends it again. */
  delivered(): Promise<void>;
  /** Long enough for any message to arrive. */
  quiet(): Promise<unknown>;
  alerts(): Promise<readonly { name: string; state: string; sent: string }[]>;
}

export const names = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, at) => `decky-${at}`);

const isNotification = notificationSchema();

/** A test in a scene of its own. Whatever its receiver got must be as the schema says. */
export const inScene = (body: (scene: Scene) => Promise<void>) => async (): Promise<void> => {
  const it = await bench();
  const to = new Receiver();
  await to.start();
  const open: { close(): Promise<void> }[] = [];
  try {
    await body(sceneOf(it, to, open));
  } finally {
    await Promise.all(open.map((one) => one.close()));
    await to.stop();
    await it.close();
  }
  // Slack's form has no fields.
  for (const { body } of to.got.filter((one) => Object.keys(one.body).join() !== 'text'))
    assert.ok(isNotification(body), `${JSON.stringify(body)} ${JSON.stringify(isNotification.errors)}`);
};

function receiversOf(path: string | null | readonly string[], port: number) {
  if (path === null) return [];
  if (typeof path !== 'string') {
    const { receivers, problems } = parseReceivers(path.join(' '));
    assert.deepEqual(problems, []);
    return receivers;
  }
  return [webhookSettings(path.startsWith('/') ? `http://127.0.0.1:${port}${path}` : path)];
}

function sceneOf(it: Bench, to: Receiver, open: { close(): Promise<void> }[]): Scene {
  const run = async (host = 'local'): Promise<void> => {
    await pass({ host_uuid: host }, '1', it.ports, { graceSeconds: 300, rolloutSeconds: 0 });
  };
  return {
    it,
    to,
    run,
    notifier: (
      path: string | null | readonly string[] = '/hook/s3cret',
      log = createLog('silent'),
      control = clearControl,
    ) => {
      const outbox = postgresOutbox(it.database, { intervalSeconds: 30, graceSeconds: 300, historyDays: 30 });
      const made = startNotifier(outbox, {
        receivers: receiversOf(path, to.port),
        publicUrl: 'https://fleet.example/',
        control,
        log,
      });
      open.push(made);
      return made;
    },
    fleetOf: async (all, failed = []) => {
      it.desired = declared(...all.map((name) => decky(name)));
      it.observed = seen(
        ...all.map((name) => serviceOf(name, 'ssh', failed.includes(name) ? exited(137) : undefined)),
      );
      await run();
    },
    received: (count) => waitFor(() => to.got.length >= count),
    delivered: () =>
      waitFor(async () => (await it.db.query('select 1 from fleet_notifications')).length === 0),
    quiet: () => sleep(4000),
    alerts: () => it.db.query('select name, state, told as sent from fleet_alarms order by name'),
  };
}
