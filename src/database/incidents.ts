import { downStates, flapping, isDown } from '../fleet/alerts/alert.ts';
import type { SentMessages } from '../fleet/alerts/limit.ts';
import type { DeckyFacts } from '../fleet/incidents/decky-facts.ts';
import type { ControlFacts } from '../fleet/incidents/facts.ts';
import type { Ended, Resolution } from '../fleet/incidents/follow.ts';
import { resolutions } from '../fleet/incidents/follow.ts';
import type { JudgedFacts, Judgement } from '../fleet/incidents/judge.ts';
import { longestReason } from '../lib/text.ts';
import { causeBytesAtMost, causeFromJson } from './cause.ts';
import { type HostRow, hostOf, ms, selectHosts } from './incident-hosts.ts';
import {
  differs,
  type IncidentRow,
  incidentColumns,
  incidentFromRow,
  incidentInput,
} from './incident-rows.ts';
import { type Db, query } from './query.ts';
import { readSilences, silencedEnds, writeSilences } from './silences.ts';

/** What the check of the alerts before knows of those that have just settled. */
export interface Settled {
  /** The state that was notified before, by host and name. */
  readonly previous: ReadonlyMap<string, string>;
  readonly ended: readonly Ended[];
}

export const alertKey = (host: string, name: string): string => `${host}\n${name}`;

/** Seconds within which each process checks the parts of the control plane again. */
const checksWithinSeconds = 10;
/** Milliseconds for which a message cannot be delivered before that is an incident. */
const undeliveredAfterSeconds = 300;

export async function judgedFacts(
  db: Db,
  {
    control,
    settled,
    sent,
    intervalSeconds,
  }: {
    control: ControlFacts;
    settled: Settled;
    sent: ReadonlyMap<string, SentMessages>;
    /** The interval of hosts without their own. */
    intervalSeconds: number;
  },
): Promise<JudgedFacts> {
  const alarms = await query<AlarmRow>(db, selectAlarms);
  const deckies = alarms.filter(({ name }) => name !== '').flatMap((row) => deckyOf(row, settled));
  const names = [...new Set([...deckies.map(({ host }) => host), ...control.paused.keys()])];
  const hosts = await query<HostRow>(db, selectHosts, [intervalSeconds, names]);
  const rows = await query<IncidentRow>(db, selectIncidents);
  const silences = await readSilences(db);
  const [general] = await query<{ now: number; undelivered: number | null; isBack: boolean }>(
    db,
    selectGeneral,
    [undeliveredAfterSeconds, checksWithinSeconds],
  );
  const now = general?.now ?? 0;
  const stored = rows.filter((row) => row.closed_at === null).flatMap((row) => incidentFromRow(row) ?? []);
  return {
    now,
    control: {
      ...control,
      undeliveredSince: general?.undelivered ?? null,
      isOld: control.isOld === true || general?.isBack === true,
    },
    hosts: hosts.map((row) => hostOf(row, now)),
    deckies,
    open: stored,
    stored,
    unsentEnds: rows.flatMap((row) => {
      const before = row.closed_at === null ? null : incidentFromRow(row);
      const resolution = resolutionOf(row.resolution);
      return before === null
        ? []
        : [{ before, resolution, position: Number(row.position), at: row.closed_at ?? now }];
    }),
    ended: [
      ...settled.ended,
      ...alarms
        .filter(({ notified, name, incident }) => incident !== null && !isFaulty(name, notified))
        .map(({ host, name, incident }): Ended => ({ host, name, under: incident ?? '', how: 'recovered' })),
    ],
    sent,
    silences,
    silencedEnds: await silencedEnds(db, silences),
  };
}

const resolutionOf = (text: string | null): Resolution =>
  resolutions.find((one) => one === text) ?? 'recovered';

const isFaulty = (name: string, notified: string): boolean =>
  notified === flapping || (name === '' ? notified !== 'ok' : isDown(notified));

interface AlarmRow {
  readonly host: string;
  readonly name: string;
  readonly notified: string;
  readonly state: string;
  readonly cause: unknown;
  readonly reason: string | null;
  readonly image: string | null;
  readonly since: number;
  readonly incident: string | null;
  readonly isNotified: boolean;
}

function deckyOf(row: AlarmRow, { previous }: Settled): readonly DeckyFacts[] {
  const { host, name, notified, state, reason, image, since, incident, isNotified } = row;
  if (!isFaulty(name, notified)) return [];
  return [
    {
      host,
      name,
      state: notified === flapping ? state : notified,
      previous: previous.get(alertKey(host, name)) ?? null,
      isFlapping: notified === flapping,
      rowState: state,
      cause: causeFromJson(row.cause),
      reason,
      image,
      since,
      under: incident,
      isNotified,
    },
  ];
}

/** More rows than any host has deckies. @see selectAlerts */
const rowsAtMost = 20_000;
const isWanted = `(told in ('${[...downStates, flapping].join(`', '`)}') or incident is not null)`;

const selectAlarms = `select a.host_uuid as host, a.name, a.told as notified, a.state, left(a.reason, ${longestReason}) as reason, a.incident, a.incident_told as "isNotified",
    case when octet_length(a.cause::text) <= ${causeBytesAtMost} then a.cause end as cause, ${ms('a.since')} as since,
    (select left(d.decky_config ->> 'base_image', 128) from fleet_deckies d
      where d.host_uuid = a.host_uuid and d.name = a.name and a.cause ->> 'service' is null) as image
  from (select distinct host_uuid from fleet_alarms join fleet_hosts using (host_uuid) where ${isWanted}) wanted
  cross join lateral (select * from fleet_alarms l where l.host_uuid = wanted.host_uuid and ${isWanted}
    limit ${rowsAtMost}) a`;

/** Seconds after which no message is sent about the end of an incident. */
const endTooOldSeconds = 86_400;

const selectIncidents = `select ${incidentColumns} from fleet_incidents
  where closed_at is null or not end_told and closed_at > clock_timestamp() - make_interval(secs => ${endTooOldSeconds})
  order by position`;

const selectGeneral = `select floor(extract(epoch from clock_timestamp()) * 1000)::float8 as now,
  (select ${ms('min(created_at)')} from fleet_notifications
    where attempts > 0 and created_at < clock_timestamp() - make_interval(secs => $1)) as undelivered,
  exists (select from fleet_incidents where kind in ('queues_unreachable', 'scheduler_silent')
    and closed_at > clock_timestamp() - make_interval(secs => $2)) as "isBack"`;

/** Writes what was decided about the incidents. The messages about them are the caller's. */
export async function writeIncidents(db: Db, facts: JudgedFacts, judgement: Judgement): Promise<void> {
  const { opened, kept, closed, sentEnds, evaluation } = judgement;
  const before = new Map(facts.stored.map((one) => [one.id, one]));
  const changed = kept.filter((one) => {
    const known = before.get(one.now.id);
    return known === undefined || differs(known, one);
  });
  if (closed.length > 0)
    await query(db, closeIncidents, [
      JSON.stringify(
        closed.map(({ before: { id, ever }, resolution, isNotified }) => ({
          id,
          ever,
          resolution,
          isNotified,
        })),
      ),
    ]);
  if (opened.length > 0) await query(db, insertIncidents, [JSON.stringify(opened.map(incidentInput))]);
  if (changed.length > 0) await query(db, updateIncidents, [JSON.stringify(changed.map(incidentInput))]);
  if (sentEnds.length > 0)
    await query(db, 'update fleet_incidents set end_told = true where position = any ($1::bigint[])', [
      sentEnds,
    ]);
  await writeSilences(db, judgement.silences);
  const belongs = [
    ...facts.deckies.map(({ host, name, under }) => ({
      host,
      name,
      under,
      now: evaluation.deckies.get(host)?.get(name) ?? null,
    })),
    ...facts.hosts.map(({ host, under }) => ({
      host,
      name: '',
      under,
      now: evaluation.hosts.get(host) ?? null,
    })),
    ...facts.ended
      .filter(({ how }) => how === 'recovered')
      .map(({ host, name, under }) => ({ host, name, under, now: null })),
  ].filter(({ under, now }) => under !== now);
  if (belongs.length > 0) await query(db, writeBelonging, [JSON.stringify(belongs)]);
  if (judgement.notified.length > 0) await query(db, writeNotified, [judgement.notified]);
}

const input = `jsonb_to_recordset($1::jsonb) as i(id text, kind text, severity text, cause text, next_host text,
  next_command text, since float8, extent jsonb, most jsonb, affected jsonb, ever jsonb, notified jsonb, silenced_by bigint,
  silenced_ever jsonb, unsilenced_at float8, acknowledged_severity text)`;

const insertIncidents = `insert into fleet_incidents (id, kind, severity, cause, next_host, next_command, since, opened_at,
    changed_at, extent, most, affected, ever, told, silenced_by, silenced_ever)
  select id, kind, severity, cause, next_host, next_command, to_timestamp(since / 1000), clock_timestamp(), clock_timestamp(),
    extent, most, affected, ever, notified, silenced_by, silenced_ever from ${input}`;

// Somebody may have taken the acknowledgement back meanwhile.
const updateIncidents = `update fleet_incidents f set severity = i.severity, extent = i.extent, most = i.most,
    affected = i.affected, ever = i.ever, told = nullif(i.notified, 'null'::jsonb),
    silenced_by = i.silenced_by, silenced_ever = i.silenced_ever, unsilenced_at = to_timestamp(i.unsilenced_at / 1000),
    acknowledged_severity = case when f.acknowledged_at is not null then coalesce(i.acknowledged_severity, f.acknowledged_severity) end,
    changed_at = case when f.extent <> i.extent or f.affected <> i.affected then clock_timestamp() else f.changed_at end
  from ${input} where f.id = i.id and f.closed_at is null`;

const closeIncidents = `update fleet_incidents f set closed_at = clock_timestamp(), resolution = i.resolution, ever = i.ever, end_told = i."isNotified"
  from jsonb_to_recordset($1::jsonb) as i(id text, ever jsonb, resolution text, "isNotified" boolean)
  where f.id = i.id and f.closed_at is null`;

// Rows that a pass is writing now are left to the next check, so that neither waits for the other.
const writeBelonging = `with wanted as materialized (
    select a.ctid as tid, i.now from fleet_alarms a join jsonb_to_recordset($1::jsonb) as i(host text, name text, now text)
      on a.host_uuid = i.host and a.name = i.name
    where a.incident is distinct from i.now for update of a skip locked)
  update fleet_alarms a set incident = w.now, incident_told = false from wanted w where a.ctid = w.tid`;

const writeNotified = `with wanted as materialized (
    select ctid as tid from fleet_alarms where incident = any ($1::text[]) and not incident_told for update skip locked)
  update fleet_alarms a set incident_told = true from wanted w where a.ctid = w.tid`;

/** For how many days, and how many at most, closed incidents are kept. */
const kept = { days: 30, count: 10_000 };

export const pruneIncidents = `delete from fleet_incidents where closed_at is not null and (
    closed_at < clock_timestamp() - make_interval(days => ${kept.days})
    or position < (select min(position) from (
      select position from fleet_incidents order by position desc limit ${kept.count}) newest))`;
