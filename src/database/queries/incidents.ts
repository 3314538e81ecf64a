import { resolutions } from '../../fleet/incidents/follow.ts';
import { incidentKinds, isIncidentKind } from '../../fleet/incidents/incident.ts';
import type { IncidentFilter, IncidentView } from '../../views/incidents.ts';
import { affectedFromJson, extentFromJson, type IncidentRow, severityOf } from '../incident-rows.ts';
import type { Query } from '../query.ts';
import { iso } from '../sql.ts';

interface Row extends Omit<IncidentRow, 'since' | 'opened_at' | 'closed_at' | 'told' | 'position' | 'ever'> {
  readonly since: string;
  readonly opened_at: string;
  readonly changed_at: string;
  readonly closed_at: string | null;
  readonly duration_s: number;
}

/** The incidents, open ones first, in the order of their kinds; then the closed ones, the latest first. */
export const incidents =
  (query: Query) =>
  async ({ open, since, limit }: IncidentFilter): Promise<readonly IncidentView[]> =>
    (await query<Row>(selectIncidents, [open, since, limit, incidentKinds])).flatMap(viewOf);

const selectIncidents = `select id, kind, severity, cause, next_host, next_command, ${['since', 'opened_at', 'changed_at', 'closed_at'].map(iso).join(', ')},
    resolution, extent, most, affected,
    greatest(0, round(extract(epoch from coalesce(closed_at, clock_timestamp()) - f.since)))::float8 as duration_s
  from fleet_incidents f
  where closed_at is null or not $1::boolean and ($2::timestamptz is null or closed_at >= $2::timestamptz)
  order by closed_at desc nulls first, array_position($4::text[], kind), (extent ->> 'deckies')::float8 desc, f.since, cause, id
  limit $3`;

function viewOf({
  next_host,
  next_command,
  severity,
  kind,
  extent,
  most,
  affected,
  resolution,
  ...row
}: Row): readonly IncidentView[] {
  if (!isIncidentKind(kind)) return [];
  const peak = extentFromJson(most);
  const { hosts, deckies } = row.closed_at === null ? extentFromJson(extent) : peak;
  return [
    {
      id: row.id,
      kind,
      severity: severityOf(severity),
      cause: row.cause,
      hosts,
      deckies,
      most: { hosts: peak.hosts, deckies: peak.deckies },
      affected: affectedFromJson(affected),
      since: row.since,
      opened_at: row.opened_at,
      changed_at: row.changed_at,
      closed_at: row.closed_at,
      resolution: resolutions.find((one) => one === resolution) ?? null,
      duration_s: row.duration_s,
      next: { host: next_host, command: next_command },
    },
  ];
}
