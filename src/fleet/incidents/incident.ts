import type { DeckyFacts } from './decky-facts.ts';

export const severities = ['critical', 'warning', 'info'] as const;
export type Severity = (typeof severities)[number];
export const isSeverity = (value: unknown): value is Severity =>
  (severities as readonly unknown[]).includes(value);

/**
 * What an incident is about, in the order in which incidents are listed: the control plane, hosts, deckies. A kind explains
 * those below it.
 */
export const incidentKinds = [
  'database_unreachable',
  'queues_unreachable',
  'scheduler_silent',
  'notifications_undelivered',
  'queue_paused',
  'host_flapping',
  'host_stopped',
  'host_stale',
  'docker_unreachable',
  'pass_failing',
  'host_down',
  'deployment_failed',
  'deckies_down',
  'decky_flapping',
] as const;
export type IncidentKind = (typeof incidentKinds)[number];

/** Kinds that are about single deckies: a decky that belongs to one of them stays there until it runs again. */
const kindsOfDeckies: ReadonlySet<IncidentKind> = new Set(['host_down', 'deployment_failed', 'deckies_down']);
export const isAboutDeckies = (kind: IncidentKind): boolean =>
  kindsOfDeckies.has(kind) || kind === 'decky_flapping';
export const keepsDeckies = (kind: IncidentKind): boolean => kindsOfDeckies.has(kind);

export const isIncidentKind = (text: string): text is IncidentKind =>
  (incidentKinds as readonly string[]).includes(text);

/** One thing that an incident affects. */
export interface Affected {
  /** Null: a part of the control plane. */
  readonly host: string | null;
  /** A decky, or a part of the control plane; null: the host itself. */
  readonly name: string | null;
  /** Epoch milliseconds. */
  readonly since: number;
  /** Whether a message has named it as affected by this incident; undefined: that is not stored. */
  readonly isNotified?: boolean;
  /** Of a decky. */
  readonly decky?: DeckyFacts;
  /** Of a host, if it says why. */
  readonly reason?: string | null;
}

/** What to do next: a command, and on which host it is run; null: on the master. */
export interface NextStep {
  readonly host: string | null;
  readonly command: string;
}

/** Open problems with one cause. */
export interface Incident {
  /** Made of the kind and the cause, not of what it affects: it stays while the incident lasts. */
  readonly id: string;
  readonly kind: IncidentKind;
  readonly severity: Severity;
  /** In one sentence, without what it affects. */
  readonly cause: string;
  readonly next: NextStep;
  /** Epoch milliseconds. */
  readonly since: number;
  /** At least one, sorted by host and name. */
  readonly affected: readonly Affected[];
  readonly hosts: number;
  /** The deckies that it affects: those that are down, or all of the hosts of which nothing is known now. */
  readonly deckies: number;
}

/** What the table keeps of an incident that is open. */
export interface OpenIncident extends Pick<Incident, 'id' | 'kind' | 'cause' | 'next'> {}

/** Sixteen hexadecimal digits of a text (FNV-1a, twice). */
function digest(text: string): string {
  const half = (seed: number): string => {
    let hash = seed;
    for (let at = 0; at < text.length; at += 1)
      hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0;
    return hash.toString(16).padStart(8, '0');
  };
  return half(0x811c9dc5) + half(0x9747b28c);
}

/** @param cause what distinguishes it from others of its kind; empty: there is only one */
export const incidentId = (kind: IncidentKind, ...cause: readonly (string | number | null)[]): string =>
  cause.length === 0 ? kind : `${kind}-${digest(JSON.stringify(cause))}`;
