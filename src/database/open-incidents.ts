import { incidentJson } from '../fleet/alerts/notification.ts';
import type { JsonObject } from '../lib/json.ts';
import { type IncidentRow, incidentColumns, incidentFromRow } from './incident-rows.ts';
import type { Query } from './query.ts';

const selectNotified = `select ${incidentColumns} from fleet_incidents
  where closed_at is null and told is not null order by position`;

/** The open incidents that a message was sent about, as messages contain them, and whether somebody has acknowledged them. */
export async function notifiedIncidents(ask: Query): Promise<readonly JsonObject[]> {
  const rows = await ask<IncidentRow>(selectNotified);
  return rows.flatMap((row) => {
    const found = incidentFromRow(row);
    if (found === null) return [];
    const { hosts, deckies } = found.extent;
    const hostNames = [...new Set(found.affected.flatMap(({ host }) => host ?? []))];
    const severity = found.notified?.severity ?? found.severity;
    const incident = incidentJson({
      ...found,
      severity,
      hosts,
      deckies,
      hostNames,
      event: 'opened',
      durationMs: null,
    });
    return [{ ...incident, acknowledged: found.acknowledged !== null }];
  });
}
