import { resolutions } from '../../fleet/incidents/follow.ts';
import { incidentKinds, isIncidentKind, severities } from '../../fleet/incidents/incident.ts';
import type { IncidentFilter, IncidentView } from '../../views/incidents.ts';
import type { AcknowledgedView, SilencedView, SilenceView } from '../../views/silences.ts';
import { affectedFromJson, extentFromJson, type IncidentRow, severityOf } from '../incident-rows.ts';
import type { Query } from '../query.ts';
import { iso } from '../sql.ts';
import { silencesById } from './silences.ts';

interface Row
  extends Pick<
    IncidentRow,
    | ('id' | 'kind' | 'severity' | 'cause' | 'next_host' | 'next_command' | 'resolution')
    | ('extent' | 'most' | 'affected' | 'silenced_by' | 'acknowledged_by' | 'acknowledged_why')
  > {
  readonly since: string;
  readonly opened_at: string;
  readonly changed_at: string;
  readonly closed_at: string | null;
  readonly duration_s: number;
  readonly acknowledged_at: string | null;
}

/** The incidents: open ones, the most severe first, and equally severe ones in the order of their kinds; then the closed ones, the latest first. */
export const incidents =
  (query: Query) =>
  async ({ open, since, limit }: IncidentFilter): Promise<readonly IncidentView[]> => {
    const rows = await query<Row>(selectIncidents, [open, since, limit, incidentKinds, severities]);
    const silences = await silencesById(
      query,
      rows.flatMap((row) => (row.closed_at === null ? (row.silenced_by ?? []) : [])),
    );
    return rows.flatMap((row) => viewOf(row, silences));
  };

const selectIncidents = `select id, kind, severity, cause, next_host, next_command, ${['since', 'opened_at', 'changed_at', 'closed_at', 'acknowledged_at'].map(iso).join(', ')},
    acknowledged_by, acknowledged_why, silenced_by::text, resolution, extent, most, affected,
    greatest(0, round(extract(epoch from coalesce(closed_at, clock_timestamp()) - f.since)))::float8 as duration_s
  from fleet_incidents f
  where closed_at is null or not $1::boolean and ($2::timestamptz is null or closed_at >= $2::timestamptz)
  order by closed_at desc nulls first, array_position($5::text[], severity), array_position($4::text[], kind),
    (extent ->> 'deckies')::float8 desc, f.since, cause, id
  limit $3`;

function viewOf(
  { next_host, next_command, severity, kind, extent, most, affected, resolution, ...row }: Row,
  silences: ReadonlyMap<number, SilenceView>,
): readonly IncidentView[] {
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
      silenced:
        row.closed_at === null ? silencedOf(silences.get(Number(row.silenced_by ?? Number.NaN))) : null,
      acknowledged: acknowledgedOf(row),
      next: { host: next_host, command: next_command },
    },
  ];
}

/** A silence may be over before the next evaluation says so. */
const silencedOf = (silence: SilenceView | undefined): SilencedView | null =>
  silence?.active_until == null
    ? null
    : { id: silence.id, until: silence.active_until, by: silence.by, why: silence.why };

const acknowledgedOf = ({
  acknowledged_at: at,
  acknowledged_by: by,
  acknowledged_why: why,
}: Pick<Row, 'acknowledged_at' | 'acknowledged_by' | 'acknowledged_why'>): AcknowledgedView | null =>
  at === null ? null : { at, by: by ?? '', why: why ?? '' };
