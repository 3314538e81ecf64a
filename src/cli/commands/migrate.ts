import { FleetError } from '../../lib/errors.ts';
import { type Register, withApp } from '../context.ts';

/** Migrates the database, including the queues' own tables when the queues are in it. */
export const migrate: Register = (program, context) => {
  program
    .command('migrate')
    .description('bring the database schema up to date')
    .option('--check', 'change nothing; exit 1 if a migration is pending')
    .addHelpText('after', '\nIt is safe to run it repeatedly and concurrently.')
    .action(({ check }: { check?: true }) =>
      withApp(context, async (app) => {
        const database = await app.database();
        if (check) {
          const pending = await database.pending();
          if (pending.length === 0) return context.print('The schema is up to date.');
          throw new FleetError('SCHEMA_MISSING', `Pending migrations: ${pending.join(', ')}`, {
            advice: 'Run `decnet-fleet migrate`',
          });
        }
        const done = await database.migrate();
        await (await app.queues()).prepare();
        context.print(done.length === 0 ? 'The schema is up to date.' : `Ran ${done.join(', ')}.`);
      }),
    );
};
