import type { FleetState } from './state.ts';

/** A message of the bus, before a transport puts it into its envelope. @see DOMAIN.md, "The bus" */
export interface Message {
  readonly topic: string;
  /** The topic's last word. */
  readonly type: string;
  readonly payload: object;
}

/** A change of a row. */
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

/** A token of a topic holds no dot. The payload has the true names. */
const token = (text: string): string => text.replaceAll('.', '%2E');

export const stateTopic = (host: string, name: string): string => `decky.${token(host)}:${token(name)}.state`;

export const healthTopic = 'system.reconciler.health';

export const controlTopic = 'system.reconciler.control';

/**
 * Redis's channel of a topic. Channels are the server's: those of another logical database are another fleet's.
 * @param database its number; that of 0 is the topic itself
 */
export const redisChannel = (topic: string, database: number): string =>
  database === 0 ? topic : `${database}/${topic}`;

/** In the place of a host: all of them. No host may be called so. */
const everyHost = '*';

/** Whether a control message asks this host's worker to stop, and why not. */
export type Verdict = 'stop' | 'not for us' | 'names no host';

/**
 * @param scope where it came from: on a host's own socket no host means this one, between hosts it must be named
 * @param payload of any JSON type: nobody checks it on the way
 */
export function controlVerdict(payload: unknown, host: string, scope: 'host' | 'fleet'): Verdict {
  if (typeof payload !== 'object' || payload === null || !('action' in payload)) return 'not for us';
  if (payload.action !== 'stop') return 'not for us';
  const named = 'host_uuid' in payload ? payload.host_uuid : undefined;
  if (named === host || named === everyHost) return 'stop';
  if (named !== undefined) return 'not for us';
  return scope === 'host' ? 'stop' : 'names no host';
}
