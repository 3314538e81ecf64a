import type { AffectedName, Extent, Notified, StoredIncident } from '../fleet/incidents/follow.ts';
import { extentOf, namesOf } from '../fleet/incidents/follow.ts';
import { isIncidentKind, type Severity, severities } from '../fleet/incidents/incident.ts';
import type { OpenState } from '../fleet/incidents/judge.ts';
import { isObject, type Json, textsOf } from '../lib/json.ts';

/** A row of `fleet_incidents`. Times are epoch milliseconds. */
export interface IncidentRow {
  readonly position: string;
  readonly id: string;
  readonly kind: string;
  readonly severity: string;
  readonly cause: string;
  readonly next_host: string | null;
  readonly next_command: string;
  readonly since: number;
  readonly opened_at: number;
  readonly closed_at: number | null;
  readonly resolution: string | null;
  readonly extent: Json;
  readonly most: Json;
  readonly affected: Json;
  readonly ever: Json;
  readonly notified: Json;
  readonly silenced_by: string | null;
  readonly silenced_ever: Json;
  readonly unsilenced_at: number | null;
  readonly acknowledged_at: number | null;
  readonly acknowledged_by: string | null;
  readonly acknowledged_why: string | null;
  readonly acknowledged_severity: string | null;
}

const ms = (column: string): string => `floor(extract(epoch from ${column}) * 1000)::float8 as ${column}`;

export const incidentColumns = `position::text, id, kind, severity, cause, next_host, next_command, ${ms('since')},
  ${ms('opened_at')}, ${ms('closed_at')}, resolution, extent, most, affected, ever, told as notified,
  silenced_by::text, silenced_ever, ${ms('unsilenced_at')}, ${ms('acknowledged_at')}, acknowledged_by, acknowledged_why,
  acknowledged_severity`;

/** Null: a newer version wrote a kind that this one does not know. */
export function incidentFromRow(row: IncidentRow): StoredIncident | null {
  if (!isIncidentKind(row.kind)) return null;
  return {
    id: row.id,
    kind: row.kind,
    severity: severityOf(row.severity),
    cause: row.cause,
    next: { host: row.next_host, command: row.next_command },
    since: row.since,
    openedAt: row.opened_at,
    extent: extentFromJson(row.extent),
    most: extentFromJson(row.most),
    affected: affectedFromJson(row.affected),
    ever: affectedFromJson(row.ever),
    notified: notifiedFromJson(row.notified),
    silencedBy: row.silenced_by,
    silencedEver: textsOf(row.silenced_ever),
    unsilencedAt: row.unsilenced_at,
    acknowledged: acknowledgementOf(row),
  };
}

const acknowledgementOf = (row: IncidentRow): StoredIncident['acknowledged'] =>
  row.acknowledged_at === null
    ? null
    : {
        at: row.acknowledged_at,
        by: row.acknowledged_by ?? '',
        why: row.acknowledged_why ?? '',
        severity: severityOf(row.acknowledged_severity ?? row.severity),
      };

export const severityOf = (text: string): Severity => severities.find((one) => one === text) ?? 'warning';

const numberIn = (json: Json, key: string): number => {
  const found = isObject(json) ? json[key] : 0;
  return typeof found === 'number' ? found : 0;
};

export const extentFromJson = (json: Json): Extent => ({
  hosts: numberIn(json, 'hosts'),
  deckies: numberIn(json, 'deckies'),
  down: numberIn(json, 'down'),
});

const notifiedFromJson = (json: Json): Notified | null =>
  isObject(json)
    ? {
        ...extentFromJson(json),
        at: numberIn(json, 'at'),
        severity: severities.find((one) => one === json.severity),
      }
    : null;

const textIn = (json: Json, key: string): string | null => {
  const found = isObject(json) ? json[key] : null;
  return typeof found === 'string' ? found : null;
};

export const affectedFromJson = (json: Json): readonly AffectedName[] =>
  (Array.isArray(json) ? json : []).map((one: Json) => ({
    host: textIn(one, 'host'),
    name: textIn(one, 'name'),
    state: textIn(one, 'state'),
  }));

/** What the statements take of an incident. */
export const incidentInput = ({ now, most, ever, notified, ...one }: OpenState): object => ({
  id: now.id,
  kind: now.kind,
  severity: now.severity,
  cause: now.cause,
  next_host: now.next.host,
  next_command: now.next.command,
  since: now.since,
  extent: extentOf(now),
  most,
  affected: namesOf(now.affected),
  ever,
  notified,
  silenced_by: one.silencedBy,
  silenced_ever: one.silencedEver,
  unsilenced_at: one.unsilencedAt,
  acknowledged_severity: one.acknowledged?.severity ?? null,
});

/** Whether the row of an incident is to be written again. */
export const differs = (before: StoredIncident, { now, most, ever, notified, ...one }: OpenState): boolean =>
  before.severity !== now.severity ||
  [
    [before.extent, extentOf(now)],
    [before.most, most],
    [before.notified, notified],
    [before.ever, ever],
    [before.affected, namesOf(now.affected)],
    [before.silencedBy, one.silencedBy],
    [before.silencedEver, one.silencedEver],
    [before.unsilencedAt, one.unsilencedAt],
    [before.acknowledged?.severity, one.acknowledged?.severity],
  ].some(([a, b]) => JSON.stringify(a) !== JSON.stringify(b));
