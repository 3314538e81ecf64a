import type { MikroORM } from '@mikro-orm/postgresql';
import { schemaMissing } from '../lib/database-faults.ts';
import type { Database } from './database.ts';
import { query } from './query.ts';

/** The tables of this version and their columns. */
const columnsOfVersion = (orm: MikroORM): readonly (readonly [table: string, column: string])[] =>
  [...orm.getMetadata().getAll().values()].flatMap(({ tableName, props }) =>
    props.flatMap(({ fieldNames = [] }) => fieldNames.map((column) => [tableName, column] as const)),
  );

/**
 * Checks that the tables have all columns of this version. The catalog answers every role, also that of a worker, which may not
 * read the record of migrations.
 * @param location the address of the database, for messages
 * @throws FleetError SCHEMA_MISSING
 */
export async function checkColumns(
  orm: MikroORM,
  transaction: Database['transaction'],
  location: string,
): Promise<void> {
  const columns = columnsOfVersion(orm);
  const missing = await transaction(
    (db) =>
      query(
        db,
        `select from unnest($1::text[], $2::text[]) as c (of_table, name) where not exists (select from pg_attribute
           where attrelid = to_regclass($3 || '.' || of_table) and attname = name and not attisdropped) limit 1`,
        [columns.map(([table]) => table), columns.map(([, column]) => column), db.schema],
      ),
    { readOnly: true },
  );
  if (missing.length > 0) throw schemaMissing(location);
}
