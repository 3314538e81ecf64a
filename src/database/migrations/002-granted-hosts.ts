import { FleetMigration } from './migration.ts';

const tables = ['fleet_deckies', 'fleet_hosts', 'fleet_transitions', 'fleet_gaps'];

/**
 * Limits a role that was granted one host to that host's rows; other roles are limited only by their privileges.
 * `session_user` is the role that logged in; `set role` does not change it. @see CONTRACT.md, "A stolen host"
 */
export class GrantedHosts extends FleetMigration {
  override up(): void {
    this.addSql(`create table fleet_grants (
      role_name text primary key,
      host_uuid varchar(64) not null)`);
    this.addSql('revoke all on fleet_grants from public');
    this.addSql(`create function fleet_granted_host() returns text
      language sql stable security definer set search_path from current
      as $$ select host_uuid from fleet_grants where role_name = session_user::text $$`);
    for (const table of tables) {
      this.addSql(`alter table ${table} enable row level security`);
      this.addSql(`create policy everyone on ${table} using (true) with check (true)`);
      // Restrictive, so that no additional policy can widen the access. A scalar subquery runs once per statement.
      this.addSql(`create policy granted_host on ${table} as restrictive
        using (coalesce(host_uuid = (select fleet_granted_host()), true))
        with check (coalesce(host_uuid = (select fleet_granted_host()), true))`);
    }
  }
}
