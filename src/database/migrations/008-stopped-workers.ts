import { FleetMigration } from './migration.ts';

const longestName = 256; // characters

/** Who asked a host's worker to stop, and when. Null: nobody has since a worker last started. */
export class StoppedWorkers extends FleetMigration {
  override up(): void {
    this.addSql(`alter table fleet_hosts
      add column stopped_at timestamptz(6) null constraint fleet_hosts_stopped_at_sane
        check (stopped_at between timestamptz '1970-01-01 00:00:00Z' and timestamptz '9999-12-31 00:00:00Z'),
      add column stopped_by text null constraint fleet_hosts_stopped_by_sane
        check (char_length(stopped_by) <= ${longestName})`);
  }
}
