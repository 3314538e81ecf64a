import { resolutions } from '../fleet/incidents/follow.ts';
import type { StoredSilence } from '../fleet/silences/evaluate.ts';
import type { SilencedIncident } from '../fleet/silences/summary.ts';
import { FleetError } from '../lib/errors.ts';
import { isObject, textsOf } from '../lib/json.ts';
import type { NewSilence, Silences } from '../views/silences.ts';
import { extentFromJson, type IncidentRow, incidentColumns } from './incident-rows.ts';
import { type Db, type Query, query } from './query.ts';
import { type SilenceRow, scopeInput, silenceColumns, silenceFromRow, silenceView } from './silence-rows.ts';

/** The silences that have not ended, and those whose end was not summed up yet. */
export const readSilences = async (db: Db): Promise<readonly StoredSilence[]> =>
  (await query<SilenceRow>(db, selectCurrent)).flatMap((row) => silenceFromRow(row) ?? []);

const isCurrent = '(ended_at is null and until > clock_timestamp())';
const selectCurrent = `select ${silenceColumns} from fleet_silences
  where ${isCurrent} or active_since is not null order by id`;

/** The incidents that a silence concerned and that have ended since the first of these silences became active. */
export async function silencedEnds(
  db: Db,
  silences: readonly StoredSilence[],
): Promise<readonly SilencedIncident[]> {
  const since = Math.min(...silences.flatMap(({ activeSince }) => activeSince ?? []));
  if (since === Infinity) return [];
  return (await query<IncidentRow>(db, selectEnds, [since])).map((row) => ({
    cause: row.cause,
    since: row.since,
    openedAt: row.opened_at,
    silencedEver: textsOf(row.silenced_ever),
    notified: isObject(row.notified) ? { ...extentFromJson(row.notified), at: row.opened_at } : null,
    closedAt: row.closed_at,
    resolution: resolutions.find((one) => one === row.resolution) ?? null,
  }));
}

const selectEnds = `select ${incidentColumns} from fleet_incidents
  where closed_at >= to_timestamp($1::float8 / 1000) and silenced_ever <> '[]' order by position`;

export async function writeSilences(
  db: Db,
  changes: readonly Pick<StoredSilence, 'id' | 'activeSince'>[],
): Promise<void> {
  if (changes.length > 0) await query(db, updateActive, [JSON.stringify(changes)]);
}

const updateActive = `update fleet_silences s set active_since = to_timestamp(i."activeSince" / 1000)
  from jsonb_to_recordset($1::jsonb) as i(id text, "activeSince" float8) where s.id = i.id::bigint`;

/** For how many days silences that are over are kept: as long as incidents. */
const keptDays = 30;

export const pruneSilences = `delete from fleet_silences where active_since is null
  and least(until, ended_at) < clock_timestamp() - make_interval(days => ${keptDays})`;

/** What people do about incidents. */
export const silenceStore = (ask: Query): Silences => ({
  add: async (silence) => {
    const [row] = await ask<SilenceRow>(insertSilence, inputOf(silence));
    const [added] = row === undefined ? [] : silenceView(row);
    if (added === undefined)
      throw new FleetError('CONFIG_INVALID', 'The silence would end in the past', {
        advice: 'Nothing was written. Give a time that is still to come',
      });
    return added;
  },
  end: async (id, by) => (await ask(endSilence, [id, by])).length > 0,
  acknowledge: async (incident, by, why) => (await ask(acknowledge, [incident, by, why])).length > 0,
  unacknowledge: async (incident) => (await ask(unacknowledge, [incident])).length > 0,
});

const inputOf = ({ scope, until, every, by, why }: NewSilence): readonly unknown[] => [
  ...scopeInput(scope),
  'seconds' in until ? until.seconds : null,
  'at' in until ? until.at : null,
  every,
  by,
  why,
];

const insertSilence = `insert into fleet_silences (scope, host_uuid, name, kind, starts_at, until, every, who, why)
  select $1, $2, $3, $4, now, until, $7, $8, $9
  from (select clock_timestamp() as now) n,
    lateral (select coalesce($6::timestamptz, now + make_interval(secs => $5::float8)) as until) u
  where until > now returning ${silenceColumns}`;

const endSilence = `update fleet_silences set ended_at = clock_timestamp(), ended_by = $2
  where id = $1::bigint and ${isCurrent} returning id`;

const acknowledge = `update fleet_incidents set acknowledged_at = clock_timestamp(), acknowledged_by = $2, acknowledged_why = $3,
    acknowledged_severity = severity
  where id = $1 and closed_at is null returning id`;

const unacknowledge = `update fleet_incidents set acknowledged_at = null, acknowledged_by = null, acknowledged_why = null,
    acknowledged_severity = null
  where id = $1 and closed_at is null and acknowledged_at is not null returning id`;
