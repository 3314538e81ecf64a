import { printable, shortened } from '../lib/text.ts';
import type { FleetState } from './state.ts';

/** A message of the bus, without the envelope of a transport. @see DOMAIN.md, "The bus" */
export interface Message {
  readonly topic: string;
  /** The last part of the topic. */
  readonly type: string;
  readonly payload: object;
}

/** The payload of a message about a row. */
export interface StateMessage {
  readonly host_uuid: string;
  readonly name: string;
  readonly state: FleetState;
  readonly transition: 'inserted' | 'deleted' | 'state_changed';
  readonly source: 'fleet';
  readonly previous_state?: FleetState;
  /** The id of the transition, so that a reader can ignore messages that arrive late. */
  readonly id: number;
}

/** Encodes a name for a topic, in which it must not contain dots. The payload has the original names. */
const token = (text: string): string => text.replaceAll('.', '%2E');

export const stateTopic = (host: string, name: string): string => `decky.${token(host)}:${token(name)}.state`;

export const healthTopic = 'system.reconciler.health';

export const controlTopic = 'system.reconciler.control';

/**
 * The Redis channel of a topic. All logical databases of a server share the channels, so the name includes the
 * database.
 * @param database the number of the database; for 0 the channel is the topic
 */
export const redisChannel = (topic: string, database: number): string =>
  database === 0 ? topic : `${database}/${topic}`;

/** Used instead of a host name for all hosts. It is not a legal host name. */
const everyHost = '*';

/** What a control message asks of this host's worker. `names no host`: it asks to stop, but not whom. */
export type ControlAction = 'stop' | 'none' | 'names no host';

/**
 * @param payload any JSON value, because it has not been validated
 * @param scope where the message came from: on the socket of a host, `host_uuid` may be missing and then means this
 *   host; between hosts it is required
 */
export function controlAction(payload: unknown, host: string, scope: 'host' | 'fleet'): ControlAction {
  if (typeof payload !== 'object' || payload === null || !('action' in payload)) return 'none';
  if (payload.action !== 'stop') return 'none';
  const named = 'host_uuid' in payload ? payload.host_uuid : undefined;
  if (named === host || named === everyHost) return 'stop';
  if (named !== undefined) return 'none';
  return scope === 'host' ? 'stop' : 'names no host';
}

/** Characters. */
const longestRequester = 100;

/**
 * Who sent a control message, as it says itself, in one printable line; null: it does not say.
 * @param payload any JSON value, because it has not been validated
 */
export function requesterOf(payload: unknown): string | null {
  if (typeof payload !== 'object' || payload === null || !('requested_by' in payload)) return null;
  const { requested_by: by } = payload;
  if (typeof by !== 'string') return null;
  return shortened(printable(by.trim()).toWellFormed(), longestRequester) || null;
}
