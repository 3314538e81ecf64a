import { incidentJson } from '../fleet/alerts/notification.ts';
import type { JsonObject } from '../lib/json.ts';
import { type IncidentRow, incidentColumns, incidentFromRow } from './incident-rows.ts';
import type { Query } from './query.ts';

const selectOpenTold = `select ${incidentColumns} from fleet_incidents
  where closed_at is null and told is not null order by position`;

/** The open incidents that a message told, as messages contain them, and whether somebody has acknowledged them. */
export async function openTold(ask: Query): Promise<readonly JsonObject[]> {
  const rows = await ask<IncidentRow>(selectOpenTold);
  return rows.flatMap((row) => {
    const found = incidentFromRow(row);
    if (found === null) return [];
    const { hosts, deckies } = found.extent;
    const hostNames = [...new Set(found.affected.flatMap(({ host }) => host ?? []))];
    const severity = found.told?.severity ?? found.severity;
    const incident = incidentJson({
      ...found,
      severity,
      hosts,
      deckies,
      hostNames,
      event: 'opened',
      duration: null,
    });
    return [{ ...incident, acknowledged: found.acknowledged !== null }];
  });
}
