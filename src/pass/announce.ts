import { type Message, type StateMessage, stateTopic } from '../fleet/topics.ts';
import { inSlices } from '../lib/slices.ts';
import { isPause, type Steps } from '../lib/steps.ts';
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
): Promise<void> => inSlices(announceInSteps(host, transitions, bus));

function* announceInSteps(
  host: string,
  transitions: readonly CommittedTransition[],
  bus: Pick<Bus, 'publish'>,
): Steps<void> {
  let messages: Message[] = [];
  for (const [at, row] of transitions.entries()) {
    if (row.from !== row.to) messages.push(stateMessage(host, row));
    if (!isPause(at)) continue;
    bus.publish(messages);
    messages = [];
    yield;
  }
  if (messages.length > 0) bus.publish(messages);
}

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
