import type { App } from '../../app/app.ts';
import { isOfNewerVersion } from '../../fleet/migrations.ts';
import { FleetError } from '../../lib/errors.ts';
import { type Finding, fault, ok } from './finding.ts';

const oldest = { number: 130_000, name: '13' };

interface Server {
  readonly version: string;
  readonly number: number;
  readonly encoding: string;
  readonly is_standby: boolean;
  readonly is_read_only: boolean;
}

const selectServer = `select current_setting('server_version') as version,
    current_setting('server_version_num')::int as number,
    (select pg_encoding_to_char(encoding)::text from pg_database where datname = current_database()) as encoding,
    pg_is_in_recovery() as is_standby,
    current_setting('default_transaction_read_only') = 'on' as is_read_only`;

/** Checks whether this PostgreSQL server can hold the fleet. */
export async function checkDatabase(app: App): Promise<Finding> {
  const [server] = await (await app.database()).query<Server>(selectServer);
  const where = app.config.databaseUrl === null ? `embedded, in ${app.config.dataDir}` : 'DATABASE_URL';
  if (server === undefined) return fault(new Error('the database returned no settings'));
  const { version, number, encoding, is_standby, is_read_only } = server;
  if (number < oldest.number)
    return refused(`PostgreSQL ${version} is too old`, `Use version ${oldest.name} or newer`);
  if (is_standby) return refused('It is a standby, which is read-only', 'Point DATABASE_URL at the primary');
  if (is_read_only) {
    return refused(
      'Its transactions are read-only (default_transaction_read_only)',
      'Turn the setting off for this role and this database',
    );
  }
  if (encoding !== 'UTF8') {
    return refused(
      `Its encoding is ${encoding}, which cannot store all characters of names and reasons`,
      "Create a database in UTF8: create database NAME encoding 'UTF8' template template0",
    );
  }
  return ok(`PostgreSQL ${version} (${where})`);
}

/** Checks whether the tables are those of this version, and if not, whether this role may create them. */
export async function checkSchema(app: App): Promise<Finding> {
  const database = await app.database();
  const record = await database.migrations().catch((error: unknown) => {
    if (error instanceof FleetError && error.code === 'NOT_PERMITTED') return null;
    throw error;
  });
  if (record === null) {
    await database.checkColumns();
    return ok('it has the tables of this version; this role may not read the record of migrations');
  }
  if (isOfNewerVersion(record))
    return ok(`newer than this version, which works with it (${record.newer.join(', ')})`);
  const { pending } = record;
  if (pending.length === 0) return ok('up to date');
  const [may] = await database.query<{ create: boolean; schema: string; role: string }>(
    `select current_user::text as role, schema::text, has_schema_privilege(schema::text, 'CREATE') as create
     from (select coalesce((select relnamespace::regnamespace from pg_class where oid = to_regclass('fleet_hosts')),
       'public'::regnamespace) as schema) s`,
  );
  const number = `${pending.length} migrations are pending`;
  if (may !== undefined && !may.create) {
    return refused(
      `${number}, and role ${may.role} may not create tables in schema ${may.schema}`,
      `As the owner of the database: grant create on schema ${may.schema} to ${may.role}; then run \`decnet-fleet migrate\``,
    );
  }
  return fault(new FleetError('SCHEMA_MISSING', number, { advice: 'Run `decnet-fleet migrate`' }));
}

const refused = (what: string, advice: string): Finding =>
  fault(new FleetError('NOT_FOUND', what, { advice }));
