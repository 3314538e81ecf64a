import { FleetMigration } from './migration.ts';

/** The sums over a host's passes, for `/metrics`. @see figures.ts */
export class PassFigures extends FleetMigration {
  override up(): void {
    this.addSql('alter table fleet_hosts add column figures jsonb null');
  }
}
