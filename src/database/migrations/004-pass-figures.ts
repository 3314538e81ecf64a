import { Migration } from '@mikro-orm/migrations';

/** What a host's passes add up to, for `/metrics`. @see figures.ts */
export class PassFigures extends Migration {
  override up(): void {
    this.addSql('alter table fleet_hosts add column figures jsonb null');
  }

  override down(): void {
    this.addSql('alter table fleet_hosts drop column figures');
  }
}
