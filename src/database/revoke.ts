import { setTimeout as sleep } from 'node:timers/promises';
import { type Ended, revocationOf, rolePattern } from '../fleet/grant.ts';
import { FleetError } from '../lib/errors.ts';
import type { Database } from './database.ts';
import { query } from './query.ts';

// This includes roles whose grant was deleted by hand, unless another host has them. Roles belong to the whole server: a role
// without privileges here may be the worker of a host with the same name in another database.
const selectRoles = `select rolname::text as role from pg_roles
  where exists (select from fleet_grants where role_name = rolname and host_uuid = $1)
    or rolname ~ $2 and has_column_privilege(oid, 'fleet_hosts'::regclass, 'turn', 'update') and not exists (select from fleet_grants where role_name = rolname)
  order by 1`;

/** The time limit in milliseconds for a role's sessions to end. */
const endWithinMs = 5000;

/** Drops the roles that were granted a host. A role that cannot be dropped is reported with the reason and left unchanged. */
export async function revokeRoles(database: Database, host: string): Promise<readonly Ended[]> {
  const roles = await database.query<{ role: string }>(selectRoles, [host, rolePattern(host)]);
  const ended: Ended[] = [];
  for (const { role } of roles) {
    const common = { kind: 'role' as const, name: role, note: null };
    try {
      ended.push({ ...common, sessions: await revokeRole(database, role), refused: null });
    } catch (error) {
      if (!(error instanceof FleetError && error.code === 'NOT_PERMITTED')) throw error;
      ended.push({ ...common, sessions: 0, refused: error.message });
    }
  }
  return ended;
}

/** Drops a role. @returns the number of sessions that were closed */
async function revokeRole(database: Database, role: string): Promise<number> {
  const { shut, terminate, drop } = revocationOf(role);
  await database.transaction(async (db) => {
    for (const statement of shut) await query(db, statement);
  });
  const [closed] = await database.query<{ ended: number }>(terminate);
  const until = performance.now() + endWithinMs;
  while (performance.now() < until) {
    const left = await database.query('select from pg_stat_activity where usename = $1 limit 1', [role]);
    if (left.length === 0) break;
    await sleep(50);
  }
  await database.transaction(async (db) => {
    for (const statement of drop) await query(db, statement);
  });
  return closed?.ended ?? 0;
}
