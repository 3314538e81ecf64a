import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { migrationNames } from '../../src/database/migrations/migrator.ts';
import { openDatabase } from '../../src/database/orm.ts';
import { type TestDatabase, testDatabase } from '../harness/database.ts';

/** The last migration of version 0.1. */
const lastOf01 = '004-pass-figures';

/**
 * The only migration that limits the values of columns that existed before. Version 0.1 writes no value that it refuses; a stolen
 * worker may.
 */
const limitsOldColumns = ['005-stolen-worker'];

interface Column {
  readonly name: string;
  readonly type: string;
  /** Whether a row of a program that does not know the column can be inserted. */
  readonly optional: boolean;
}

interface Catalog {
  /** `table.column`, with its type. */
  readonly columns: readonly Column[];
  /** The names of tables, indexes, sequences and functions, and the definitions of indexes and results of functions. */
  readonly objects: readonly string[];
  /** The constraints, and the columns that each is about. */
  readonly constraints: readonly { readonly name: string; readonly columns: readonly string[] }[];
}

const ofSchema = `'public'::regnamespace`;

async function catalogOf(db: TestDatabase): Promise<Catalog> {
  const [columns, objects, constraints] = await Promise.all([
    db.query<Column>(`select format('%s.%s', attrelid::regclass, attname) as name, format_type(atttypid, atttypmod) as type,
        not attnotnull or atthasdef or attidentity <> '' as optional
      from pg_attribute join pg_class c on c.oid = attrelid
      where relnamespace = ${ofSchema} and relkind = 'r' and attnum > 0 and not attisdropped order by 1`),
    db.query<{
      object: string;
    }>(`select format('%s %s', relkind, relname) as object from pg_class where relnamespace = ${ofSchema}
      union all select indexdef from pg_indexes where schemaname = 'public'
      union all select format('function %s returns %s', oid::regprocedure, pg_get_function_result(oid))
        from pg_proc where pronamespace = ${ofSchema}`),
    db.query<{
      name: string;
      columns: readonly string[];
    }>(`select format('%s %s', conrelid::regclass, conname) as name,
        array(select format('%s.%s', conrelid::regclass, attname) from pg_attribute
          where attrelid = conrelid and attnum = any (conkey)) as columns
      from pg_constraint where connamespace = ${ofSchema} and contype in ('c', 'u', 'f', 'p', 'x')`),
  ]);
  return { columns, objects: objects.map(({ object }) => object), constraints };
}

const tableOf = ({ name }: Column): string => name.split('.')[0] ?? '';

/** What a program that knows only the schema before could no longer do. */
function breaks(before: Catalog, now: Catalog): readonly string[] {
  const columnsNow = new Map(now.columns.map((column) => [column.name, column]));
  const known = new Set(before.columns.map(({ name }) => name));
  const tables = new Set(before.columns.map(tableOf));
  const constraints = new Set(before.constraints.map(({ name }) => name));
  return [
    ...before.columns.flatMap(({ name, type, optional }) => {
      const column = columnsNow.get(name);
      if (column === undefined) return [`column ${name} is gone`];
      if (column.type !== type) return [`column ${name} was ${type} and is ${column.type}`];
      return optional && !column.optional ? [`column ${name} is now required`] : [];
    }),
    ...before.objects.filter((object) => !now.objects.includes(object)).map((object) => `${object} is gone`),
    ...now.columns
      .filter((column) => tables.has(tableOf(column)) && !known.has(column.name) && !column.optional)
      .map(({ name }) => `new column ${name} has no default`),
    ...now.constraints
      .filter(({ name, columns }) => !constraints.has(name) && columns.some((column) => known.has(column)))
      .map(({ name }) => `new constraint ${name} is about a column that existed before`),
  ];
}

describe('migrations after version 0.1', () => {
  let db: TestDatabase;
  let database: Awaited<ReturnType<typeof openDatabase>>;
  let catalog: Catalog;
  before(async () => {
    db = await testDatabase({ migrated: false });
    database = await openDatabase(db.url);
    await database.migrate({ upTo: lastOf01 });
    catalog = await catalogOf(db);
  });
  after(async () => {
    await database.close();
    await db.drop();
  });

  // One after another: each begins with the schema that the one before it left.
  for (const name of migrationNames.slice(migrationNames.indexOf(lastOf01) + 1))
    test(`${name} only adds`, async () => {
      assert.deepEqual(await database.migrate({ upTo: name }), [name]);
      const now = await catalogOf(db);
      const broken = breaks(catalog, now);
      catalog = now;
      assert.deepEqual(
        limitsOldColumns.includes(name) ? broken.filter((line) => !/^new constraint/.test(line)) : broken,
        [],
      );
    });

  test('a migration that drops, renames, retypes or requires something is found', async () => {
    for (const [statement, found] of [
      ['alter table fleet_hosts drop column version', /^column fleet_hosts\.version is gone$/],
      ['alter table fleet_hosts rename column notes to memory', /^column fleet_hosts\.notes is gone$/],
      ['alter table fleet_gaps rename to fleet_breaks', /^column fleet_gaps\.from_at is gone$/],
      ['alter table fleet_hosts alter column turn type numeric', /was bigint and is numeric$/],
      ['alter table fleet_hosts alter column interval_s set not null', /interval_s is now required$/],
      ['alter table fleet_alarms add column later text not null', /later has no default$/],
      ['drop index fleet_transitions_at_index', /fleet_transitions_at_index.* is gone$/],
      ['drop function fleet_prune_transitions(text, int)', /^function fleet_prune_transitions.* is gone$/],
      ['alter table fleet_hosts add check (turn < 5)', /^new constraint fleet_hosts .*existed before$/],
    ] as const) {
      const copy = await testDatabase();
      const before = await catalogOf(copy);
      await copy.query(statement);
      const broken = breaks(before, await catalogOf(copy));
      await copy.drop();
      assert.ok(
        broken.some((line) => found.test(line)),
        `${statement}: ${broken.join('; ')}`,
      );
    }
  });
});
