import type { FleetState } from '../fleet/state.ts';
import type { MovedRow } from './ledger.ts';

/** A change of a row, as the bus tells it. @see DOMAIN.md, "The bus" */
export interface StateMessage {
  readonly host_uuid: string;
  readonly name: string;
  readonly state: FleetState;
  readonly transition: 'inserted' | 'deleted' | 'state_changed';
  readonly source: 'fleet';
  readonly previous_state?: FleetState;
  /** The transition's number, so that a reader can drop a message that comes late. */
  readonly id: number;
}

export interface Announcer {
  /** Never rejects, and never keeps a pass waiting: the table is the truth, a message is a courtesy. */
  changed(messages: readonly StateMessage[]): void;
}

/** One message for each committed change of state; a change of content alone sends none. */
export const announce = (host: string, moved: readonly MovedRow[], bus: Announcer): void => {
  const messages = moved.filter(({ from, to }) => from !== to).map((row) => stateMessage(host, row));
  if (messages.length > 0) bus.changed(messages);
};

function stateMessage(host: string, { id, name, from, to }: MovedRow): StateMessage {
  return {
    host_uuid: host,
    name,
    // A deleted row has no state of its own any more; what it stood for is torn down.
    state: to ?? 'torn_down',
    transition: from === null ? 'inserted' : to === null ? 'deleted' : 'state_changed',
    source: 'fleet',
    ...(from === null ? {} : { previous_state: from }),
    id: Number(id),
  };
}
