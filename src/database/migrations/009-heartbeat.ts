import { FleetMigration } from './migration.ts';

/** When a heartbeat was last sent to the outside, and why none is sent now. At most one row. */
export class Heartbeat extends FleetMigration {
  override up(): void {
    this.addSql(`create table fleet_heartbeat (
      is_only boolean primary key default true constraint fleet_heartbeat_is_only check (is_only),
      receiver text not null,
      claimed_at timestamptz(6) null,
      sent_at timestamptz(6) null,
      withheld text null,
      reason text null)`);
    this.addSql('revoke all on fleet_heartbeat from public');
    // Masters that were granted earlier: their schedulers send it, and their dashboards show it.
    this.addSql(`do $$ declare role text; begin
      for role in select rolname from pg_roles join fleet_masters on rolname = role_name loop
        execute format('grant select, insert, update, delete on fleet_heartbeat to %I', role);
      end loop; end $$`);
  }
}
