import { type Message, type StateMessage, stateTopic } from '../fleet/topics.ts';
import { forEachInSlices } from '../lib/slices.ts';
import type { CommittedTransition } from './ledger.ts';

/** Where messages go. Never rejects and never blocks: the table is the record, a message is best effort. */
export interface Bus {
  publish(messages: readonly Message[]): void;
  /** @param scope of a message: from this host's own socket, or from between the hosts */
  subscribe(topic: string, receive: (payload: unknown, scope: 'host' | 'fleet') => void): void;
  close(): Promise<void>;
}

/** One message for each committed change of state; a change of content alone sends none. */
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
    // A deleted row has no state of its own any more; what it stood for is torn down.
    state: to ?? 'torn_down',
    transition: from === null ? 'inserted' : to === null ? 'deleted' : 'state_changed',
    source: 'fleet',
    ...(from === null ? {} : { previous_state: from }),
    id: Number(id),
  };
  return { topic: stateTopic(host, name), type: 'state', payload };
}
