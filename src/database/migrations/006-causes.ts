import { FleetMigration } from './migration.ts';

const tables = ['fleet_transitions', 'fleet_alarms'];

/** Beside the reason of a transition its cause as data, for notifications. Rows of before have none. */
export class Causes extends FleetMigration {
  override up(): void {
    for (const table of tables)
      this.addSql(`alter table ${table} add column cause jsonb null constraint ${table}_cause_sane
        check (jsonb_typeof(cause) = 'object' and octet_length(cause::text) <= 1024)`);
  }
}
