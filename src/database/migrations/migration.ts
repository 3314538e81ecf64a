import { Migration } from '@mikro-orm/migrations';
import { qualified } from '../query.ts';

/** A migration whose statements do not depend on the search path. @see connection.ts */
export abstract class FleetMigration extends Migration {
  #isFirst = true;

  override addSql(statement: string): void {
    const schema = quoted(this.config.get('schema') ?? 'public');
    if (this.#isFirst) super.addSql(hostsFirst(schema));
    this.#isFirst = false;
    super.addSql(qualified(statement, schema));
  }
}

/**
 * Locks the table that a pass locks first, too. In another order, a migration and a pass of a worker that goes on could each
 * wait for the other.
 */
const hostsFirst = (schema: string): string =>
  `do $$ begin
    if pg_catalog.to_regclass('${schema.replaceAll("'", "''")}.fleet_hosts') is not null then
      lock table ${schema}.fleet_hosts in access exclusive mode;
    end if;
  end $$`;

const quoted = (identifier: string): string => `"${identifier.replaceAll('"', '""')}"`;
