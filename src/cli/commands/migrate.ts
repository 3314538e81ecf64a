import { isOfNewerVersion, type MigrationRecord } from '../../fleet/migrations.ts';
import { FleetError } from '../../lib/errors.ts';
import { type Register, withApp } from '../context.ts';

/** Migrates the database, including the queues' own tables when the queues are in it. */
export const migrate: Register = (command, context) => {
  command
    .option('--check', 'change nothing; exit 1 if a migration is pending')
    .addHelpText('after', '\nIt is safe to run it repeatedly and concurrently.')
    .action(({ check }: { check?: true }) =>
      withApp(context, async (app) => {
        const database = await app.database();
        const record = await database.migrations();
        if (isOfNewerVersion(record)) return context.print(newerText(record));
        if (check) {
          if (record.pending.length === 0) return context.print(upToDate);
          throw new FleetError('SCHEMA_MISSING', `Pending migrations: ${record.pending.join(', ')}`, {
            advice: 'Run `decnet-fleet migrate`',
          });
        }
        const done = await database.migrate();
        await (await app.queues()).prepare();
        context.print(done.length === 0 ? upToDate : `Ran ${done.join(', ')}.`);
      }),
    );
};

const upToDate = 'The schema is up to date.';

const newerText = ({ newer }: MigrationRecord): string =>
  `The database is newer than this version, which works with it. Unknown migrations: ${newer.join(', ')}. Nothing was changed.`;
