import { brokenStates } from '../fleet/state-styles.ts';
import { textsOf } from '../lib/json.ts';
import type { AuditView } from '../views/audit.ts';
import type { IncidentView } from '../views/incidents.ts';
import type { ListedDecky } from '../views/pages.ts';
import type { HostView, Transition } from '../views/report.ts';
import type { SilenceView } from '../views/silences.ts';
import type { AvailabilityView } from './fleet-availability.ts';

export type CsvRow = readonly (string | null)[];

/** A column: its name, and its value in a row. */
type Column<R> = readonly [name: string, value: (row: R) => string | number | boolean | null];

/** A table whose first row names the columns. */
const table =
  <R>(...columns: readonly Column<R>[]) =>
  (rows: readonly R[]): readonly CsvRow[] => [
    columns.map(([name]) => name),
    ...rows.map((row) =>
      columns.map(([, value]) => {
        const found = value(row);
        return found === null ? null : String(found);
      }),
    ),
  ];

/** The lists of the API as tables. Lists in them are joined by blanks. */
export const csvOf = {
  fleet: table<ListedDecky>(
    ['host', ({ host_uuid }) => host_uuid],
    ['name', ({ name }) => name],
    ['ip', ({ ip }) => ip],
    ['services', ({ services }) => textsOf(services).join(' ')],
    ['state', ({ state }) => state],
    ['since', ({ since }) => since],
    ['last_seen', ({ last_seen }) => last_seen],
    ['updated_at', ({ updated_at }) => updated_at],
    ['reason', ({ last_error }) => last_error],
  ),
  hosts: table<HostView>(
    ['host', ({ host_uuid }) => host_uuid],
    ['stale', ({ stale }) => stale],
    ['docker', ({ docker }) => docker],
    ['running', ({ states }) => states.running ?? 0],
    ['broken', ({ states }) => brokenStates.reduce((sum, state) => sum + (states[state] ?? 0), 0)],
    ['interval_s', ({ interval_s }) => interval_s],
    ['last_pass_at', ({ last_pass_at }) => last_pass_at],
    ['last_full_pass_at', ({ last_full_pass_at }) => last_full_pass_at],
    ['version', ({ version }) => version],
    ['last_error', ({ last_error }) => last_error],
  ),
  incidents: table<IncidentView>(
    ['id', ({ id }) => id],
    ['kind', ({ kind }) => kind],
    ['severity', ({ severity }) => severity],
    ['cause', ({ cause }) => cause],
    ['hosts', ({ hosts }) => hosts],
    ['deckies', ({ deckies }) => deckies],
    ['since', ({ since }) => since],
    ['opened_at', ({ opened_at }) => opened_at],
    ['closed_at', ({ closed_at }) => closed_at],
    ['resolution', ({ resolution }) => resolution],
    ['duration_s', ({ duration_s }) => duration_s],
    ['acknowledged_by', ({ acknowledged }) => acknowledged?.by ?? null],
    ['silenced_until', ({ silenced }) => silenced?.until ?? null],
  ),
  silences: table<SilenceView>(
    ['id', ({ id }) => id],
    ['scope', ({ scope }) => scope],
    ['host', ({ host_uuid }) => host_uuid],
    ['name', ({ name }) => name],
    ['kind', ({ kind }) => kind],
    ['starts_at', ({ starts_at }) => starts_at],
    ['until', ({ until }) => until],
    ['every', ({ every }) => every],
    ['by', ({ by }) => by],
    ['why', ({ why }) => why],
    ['ended_at', ({ ended_at }) => ended_at],
  ),
  availability: table<AvailabilityView>(
    ['host', ({ host_uuid }) => host_uuid],
    ['share', ({ share }) => share],
    ['running_s', ({ running_s }) => running_s],
    ['known_s', ({ known_s }) => known_s],
    ['deckies', ({ deckies }) => deckies],
  ),
  history: table<Transition>(
    ['id', ({ id }) => id],
    ['at', ({ at }) => at],
    ['host', ({ host_uuid }) => host_uuid],
    ['name', ({ name }) => name],
    ['from_state', ({ from_state }) => from_state],
    ['to_state', ({ to_state }) => to_state],
    ['reason', ({ reason }) => reason],
    ['job_id', ({ job_id }) => job_id],
  ),
  audit: table<AuditView>(
    ['id', ({ id }) => id],
    ['at', ({ at }) => at],
    ['who', ({ who }) => who],
    ['via', ({ via }) => via],
    ['act', ({ act }) => act],
    ['host', ({ host_uuid }) => host_uuid],
    ['target', ({ target }) => target],
    ['details', ({ details }) => details],
    ['outcome', ({ outcome }) => outcome],
  ),
} as const;
