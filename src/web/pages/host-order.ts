import { fleetStates } from '../../fleet/state.ts';
import { brokenStates } from '../../fleet/state-styles.ts';
import type { HostView } from '../../views/report.ts';

export const brokenOf = (host: HostView): number =>
  brokenStates.reduce((sum, state) => sum + (host.states[state] ?? 0), 0);
export const sizeOf = (host: HostView): number =>
  fleetStates.reduce((sum, state) => sum + (host.states[state] ?? 0), 0);
/** The sum over some hosts, for example of `sizeOf`. */
export const sumOf = (hosts: readonly HostView[], of: (host: HostView) => number): number =>
  hosts.reduce((total, host) => total + of(host), 0);
export const isStopped = (host: HostView): boolean => host.stopped !== null;

/** Its passes are paused, though its worker runs. */
export const isPaused = (host: HostView): boolean => host.paused !== null && !isStopped(host);

export const byName = (a: HostView, b: HostView): number =>
  a.host_uuid.localeCompare(b.host_uuid, 'en', { numeric: true });

/** Hosts of which nothing is known now, then those with the most broken deckies. */
export const byTrouble = (a: HostView, b: HostView): number =>
  blindness(b) - blindness(a) || brokenOf(b) - brokenOf(a) || byName(a, b);

const blindness = (host: HostView): number =>
  host.stale || isStopped(host) || isPaused(host) ? 2 : host.docker === 'unreachable' ? 1 : 0;
