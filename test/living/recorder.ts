import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import pg from 'pg';
import { type MessageReceiver, messageReceiver } from '../../examples/day/receiver.ts';
import type { ContainerEvent, Message, RecordedRow, Said } from './judge.ts';

/** Records what rows say over time. */
export interface RowRecorder {
  readonly said: ReadonlyMap<string, readonly Said[]>;
  /** What a row says now. */
  now(name: string): RecordedRow | null;
  stop(): Promise<void>;
}

const everyMs = 50;
const statement = 'select name, state, last_error as error, services from fleet_deckies where host_uuid = $1';

export async function recordRows(databaseUrl: string, host: string): Promise<RowRecorder> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const said = new Map<string, Said[]>();
  const texts = new Map<string, string>();
  const now = (name: string): RecordedRow | null => said.get(name)?.at(-1)?.row ?? null;
  const look = async (): Promise<void> => {
    const at = Date.now();
    const { rows } = await client.query<RecordedRow & { name: string }>(statement, [host]);
    const found = new Map(rows.map(({ name, ...row }) => [name, row]));
    for (const name of new Set([...found.keys(), ...said.keys()])) {
      const row = found.get(name) ?? null;
      const text = JSON.stringify(row);
      if (texts.get(name) === text) continue;
      texts.set(name, text);
      said.set(name, [...(said.get(name) ?? []), { at, row }]);
    }
  };
  let isOver = false;
  const looking = (async () => {
    while (!isOver) {
      await look();
      await sleep(everyMs);
    }
  })();
  return {
    said,
    now,
    stop: async () => {
      isOver = true;
      await looking;
      await client.end();
    },
  };
}

/** Records the events that change what an attacker finds, with the engine's times: its clock is this machine's. */
export async function recordEvents(
  docker: Docker,
): Promise<{ events: readonly ContainerEvent[]; stop(): void }> {
  const events: ContainerEvent[] = [];
  const filters = { event: ['create', 'start', 'die', 'destroy'] };
  const stream = await docker.getEvents({ filters });
  stream.on('error', () => undefined);
  const lines = createInterface({ input: stream });
  lines.on('error', () => undefined);
  lines.on('line', (line) => {
    const event = JSON.parse(line) as { timeNano: number; Actor: { Attributes: { name: string } } };
    events.push({ at: event.timeNano / 1e6, container: event.Actor.Attributes.name });
  });
  return { events, stop: () => (stream as unknown as { destroy(): void }).destroy() };
}

/** A receiver of the messages to people, which keeps them. */
export interface MessageRecorder extends MessageReceiver {
  readonly messages: readonly Message[];
}

export async function recordMessages(): Promise<MessageRecorder> {
  const messages: Message[] = [];
  const receiver = await messageReceiver(({ kind, name, names, text }) => {
    const about = name === null ? kind : `${kind} ${name}`;
    const why = ' (ran out of memory)';
    messages.push({ at: Date.now(), text: text.includes(why) ? about + why : about, names });
  });
  return { ...receiver, messages };
}
