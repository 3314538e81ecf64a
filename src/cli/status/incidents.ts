import type { Severity } from '../../fleet/incidents/incident.ts';
import { incidentSummary } from '../../fleet/incidents/summary.ts';
import { incidentMarks } from '../../fleet/silences/words.ts';
import type { IncidentView } from '../../views/incidents.ts';
import type { Report } from '../../views/report.ts';
import { ago, paint, type Screen } from '../text.ts';

const colours = { critical: 'red', warning: 'yellow', info: 'cyan' } as const;
export const severityText = (screen: Screen, severity: Severity): string =>
  paint(screen, colours[severity], severity.toUpperCase());

/** The incidents that are listed before the hosts, at most. */
const listed = 10;
/** More open incidents than this are not read. */
const readAtMost = 1000;

/** The open incidents. @param hosts only those that affect one of them, or the whole fleet; none: all */
export async function openIncidents(
  report: Report,
  hosts: readonly string[],
): Promise<readonly IncidentView[]> {
  const open = await report.incidents({ open: true, since: null, limit: readAtMost });
  return hosts.length === 0
    ? open
    : open.filter((one) => one.affected.some(({ host }) => host === null || hosts.includes(host)));
}

/** A line for each open incident: its severity, its cause, what it affects, and since when. */
export function incidentLines(screen: Screen, open: readonly IncidentView[]): readonly string[] {
  const more = open.length - listed;
  return [
    ...open
      .slice(0, listed)
      .map(
        (one) =>
          `${severityText(screen, one.severity)}  ${one.cause} (${[incidentSummary(one), `since ${ago(one.since)}`, ...incidentMarks(one)].join('; ')})`,
      ),
    ...(more > 0 ? [`and ${more.toLocaleString('en')} more: decnet-fleet incidents`] : []),
  ];
}
