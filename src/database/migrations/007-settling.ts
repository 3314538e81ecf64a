import { FleetMigration } from './migration.ts';

/** When the changes of an alert began that no notification was about yet. Null: older versions wrote it, or none did. */
export class Settling extends FleetMigration {
  override up(): void {
    this.addSql(`alter table fleet_alarms add column unsettled_at timestamptz(6) null
      constraint fleet_alarms_unsettled_at_sane check (unsettled_at
        between timestamptz '1970-01-01 00:00:00Z' and timestamptz '9999-12-31 00:00:00Z')`);
  }
}
