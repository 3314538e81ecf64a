import { Migration } from '@mikro-orm/migrations';
import { qualified } from '../query.ts';

/** A migration whose statements do not depend on the search path. @see connection.ts */
export abstract class FleetMigration extends Migration {
  override addSql(statement: string): void {
    super.addSql(qualified(statement, quoted(this.config.get('schema') ?? 'public')));
  }
}

const quoted = (identifier: string): string => `"${identifier.replaceAll('"', '""')}"`;
