import { type Message, type StateMessage, stateTopic } from '../fleet/topics.ts';
import { forEachInSlices } from '../lib/slices.ts';
import type { CommittedTransition } from './ledger.ts';

/** Publishes messages. It never rejects and never blocks: messages are best-effort, and the table is the record. */
export interface Bus {
  publish(messages: readonly Message[]): void;
  /**
   * @param topic exact, or a pattern in which `*` stands for one token: then only messages of this host are received
   * @param receive its `scope` is `host` for a message from this host's socket, `fleet` for a message between hosts
   */
  subscribe(topic: string, receive: (payload: unknown, scope: 'host' | 'fleet', topic: string) => void): void;
  close(): Promise<void>;
}

/** Publishes one message for each committed change of state. A transition that only changes content sends none. */
export const announce = (
  host: string,
  transitions: readonly CommittedTransition[],
  bus: Pick<Bus, 'publish'>,
): Promise<void> =>
  forEachInSlices(batchesOf(transitions.filter(({ from, to }) => from !== to)), (batch) =>
    bus.publish(batch.map((transition) => stateMessage(host, transition))),
  );

const messagesInBatch = 200;

const batchesOf = <T>(items: readonly T[]): readonly (readonly T[])[] =>
  Array.from({ length: Math.ceil(items.length / messagesInBatch) }, (_, at) =>
    items.slice(at * messagesInBatch, (at + 1) * messagesInBatch),
  );

function stateMessage(host: string, { id, name, from, to }: CommittedTransition): Message {
  const payload: StateMessage = {
    host_uuid: host,
    name,
    // A deleted row has no state, so the message reports its decky as torn down.
    state: to ?? 'torn_down',
    transition: from === null ? 'inserted' : to === null ? 'deleted' : 'state_changed',
    source: 'fleet',
    ...(from === null ? {} : { previous_state: from }),
    id: Number(id),
  };
  return { topic: stateTopic(host, name), type: 'state', payload };
}
