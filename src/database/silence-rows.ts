import { isIncidentKind } from '../fleet/incidents/incident.ts';
import type { StoredSilence } from '../fleet/silences/evaluate.ts';
import { periodAt, type Scope } from '../fleet/silences/silence.ts';
import { parseWindow } from '../fleet/silences/window.ts';
import type { SilenceView } from '../views/silences.ts';

/** A row of `fleet_silences`. Times are epoch milliseconds. */
export interface SilenceRow {
  readonly id: string;
  readonly scope: string;
  readonly host_uuid: string | null;
  readonly name: string | null;
  readonly kind: string | null;
  readonly starts_at: number;
  readonly until: number;
  readonly every: string | null;
  readonly who: string;
  readonly why: string;
  readonly ended_at: number | null;
  readonly ended_by: string | null;
  readonly active_since: number | null;
  readonly now: number;
}

export const epochMs = (time: string): string => `floor(extract(epoch from ${time}) * 1000)::float8`;
const ms = (column: string): string => `${epochMs(column)} as ${column}`;

export const silenceColumns = `id::text, scope, host_uuid, name, kind, ${ms('starts_at')}, ${ms('until')}, every, who, why,
  ${ms('ended_at')}, ended_by, ${ms('active_since')}, ${epochMs('clock_timestamp()')} as now`;

/** Null: a newer version wrote a scope or a window that this one does not know. It silences nothing then. */
export function silenceFromRow(row: SilenceRow): StoredSilence | null {
  const scope = scopeOf(row);
  const every = row.every === null ? null : parseWindow(row.every);
  if (scope === null || (every !== null && 'fault' in every)) return null;
  const { id, starts_at, until, who, why, ended_at, active_since } = row;
  return {
    id,
    scope,
    startsAt: starts_at,
    until,
    every,
    who,
    why,
    endedAt: ended_at,
    activeSince: active_since,
  };
}

function scopeOf({ scope, host_uuid: host, name, kind }: SilenceRow): Scope | null {
  if (scope === 'everything') return { kind: scope };
  if (scope === 'host' && host !== null) return { kind: scope, host };
  if (scope === 'decky' && host !== null && name !== null) return { kind: scope, host, name };
  if (scope === 'cause' && kind !== null && isIncidentKind(kind)) return { kind: scope, cause: kind };
  return null;
}

/** The columns of a scope. */
export const scopeInput = (scope: Scope): readonly (string | null)[] => [
  scope.kind,
  'host' in scope ? scope.host : null,
  'name' in scope ? scope.name : null,
  'cause' in scope ? scope.cause : null,
];

const iso = (time: number): string => new Date(time).toISOString();

export function silenceView(row: SilenceRow): readonly SilenceView[] {
  const silence = silenceFromRow(row);
  if (silence === null) return [];
  const active = periodAt(silence, row.now);
  return [
    {
      id: Number(row.id),
      scope: silence.scope.kind,
      host_uuid: row.host_uuid,
      name: row.name,
      kind: row.kind,
      starts_at: iso(row.starts_at),
      until: iso(row.until),
      every: row.every,
      by: row.who,
      why: row.why,
      active_until: active && iso(active.to),
      ended_at: row.ended_at === null ? null : iso(row.ended_at),
      ended_by: row.ended_by,
    },
  ];
}
