import { FleetMigration } from './migration.ts';

/** The last lines of the log of the container that took a decky down, by service. Null: none were asked for, or read. */
export class LastLines extends FleetMigration {
  override up(): void {
    this.addSql(`alter table fleet_alarms add column last_lines jsonb null constraint fleet_alarms_last_lines_sane
      check (jsonb_typeof(last_lines) = 'object' and octet_length(last_lines::text) <= 16384)`);
  }
}
