import { longestAudit } from '../fleet/audit.ts';
import { printable, shortened } from '../lib/text.ts';
import type { Audit, AuditView } from '../views/audit.ts';
import { forPeople } from './queries/report.ts';
import type { Query } from './query.ts';
import { iso } from './sql.ts';

/** The record of what people did. */
export const auditStore = (ask: Query): Audit => ({
  record: async ({ who, via, act, host, target, details, outcome }) =>
    void (await ask(insertEntry, [
      text(who, longestAudit.who),
      via,
      act,
      text(host, longestAudit.host),
      text(target, longestAudit.target),
      text(details, longestAudit.details),
      outcome,
    ])),
  list: ({ who, act, host, before, limit }) =>
    forPeople(ask)<AuditView>(selectEntries, [who, act, host, before, limit]),
});

const text = (given: string | null, max: number): string | null =>
  given === null ? null : shortened(printable(given), max);

const insertEntry = `insert into fleet_audit (who, via, act, host_uuid, target, details, outcome)
  values ($1, $2, $3, $4, $5, $6, $7)`;

const selectEntries = `select id::float8 as id, ${iso('at')}, who, via, act, host_uuid, target, details, outcome
  from fleet_audit
  where ($1::text is null or who = $1) and ($2::text is null or act = $2) and ($3::text is null or host_uuid = $3)
    and ($4::float8 is null or id < $4::float8)
  order by id desc limit $5`;

/** More wrong logins are not kept: whoever causes them must not be able to fill the disk. */
const wrongLoginsAtMost = 10_000;

/** @param days how long entries are kept */
export async function pruneAudit(ask: Query, days: number): Promise<void> {
  await ask('delete from fleet_audit where at < clock_timestamp() - make_interval(days => $1::int)', [days]);
  await ask(deleteWrongLogins, [wrongLoginsAtMost]);
}

const deleteWrongLogins = `delete from fleet_audit where act = 'sign in' and outcome = 'refused' and id <= (
    select id from fleet_audit where act = 'sign in' and outcome = 'refused' order by id desc offset $1 limit 1)`;
