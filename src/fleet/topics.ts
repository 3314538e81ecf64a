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

/** Whether a control message asks this host's worker to stop, and if not, why. */
export type ControlVerdict = 'stop' | 'not for us' | 'names no host';

/**
 * @param payload any JSON value, because it has not been validated
 * @param scope where the message came from: on the socket of a host, `host_uuid` may be missing and then means this
 *   host; between hosts it is required
 */
export function controlVerdict(payload: unknown, host: string, scope: 'host' | 'fleet'): ControlVerdict {
  if (typeof payload !== 'object' || payload === null || !('action' in payload)) return 'not for us';
  if (payload.action !== 'stop') return 'not for us';
  const named = 'host_uuid' in payload ? payload.host_uuid : undefined;
  if (named === host || named === everyHost) return 'stop';
  if (named !== undefined) return 'not for us';
  return scope === 'host' ? 'stop' : 'names no host';
}
