import { longestWho, longestWhy } from '../../fleet/who-why.ts';
import { FleetMigration } from './migration.ts';

const sane = (column: string): string =>
  `constraint fleet_hosts_${column}_sane check (${column} between timestamptz '1970-01-01 00:00:00Z' and timestamptz '9999-12-31 00:00:00Z')`;

/** Who paused a host, why, since when and until when. No worker may write it. */
export class Pauses extends FleetMigration {
  override up(): void {
    this.addSql(`alter table fleet_hosts
      add column paused_at timestamptz(6) null ${sane('paused_at')},
      add column paused_until timestamptz(6) null ${sane('paused_until')},
      add column paused_by text null constraint fleet_hosts_paused_by_sane check (char_length(paused_by) <= ${longestWho}),
      add column paused_why text null constraint fleet_hosts_paused_why_sane check (char_length(paused_why) <= ${longestWhy}),
      add column resumed_at timestamptz(6) null ${sane('resumed_at')},
      add constraint fleet_hosts_paused_sane check (paused_at is null or paused_by is not null and paused_why is not null)`);
  }
}
