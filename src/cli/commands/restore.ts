import { createReadStream } from 'node:fs';
import { FleetError, reasonOf } from '../../lib/errors.ts';
import { type Register, withApp } from '../context.ts';
import { countsOf } from './dump.ts';

/** Reads what `dump` printed into an empty database. */
export const restoreCommand: Register = (program, context) => {
  program
    .command('restore')
    .description('read what `dump` printed into a database that holds no fleet')
    .argument('<file>', 'the dump, or - for the standard input')
    .addHelpText('after', '\nAll of it is restored, or nothing. The database is migrated, too.')
    .action((file: string) =>
      withApp(context, async (app) => {
        const source = file === '-' ? 'standard input' : file;
        const lines = readLines(file, source);
        const [database, { restore }] = await Promise.all([
          app.databaseAsItIs(),
          import('../../database/restore.ts'),
        ]);
        const { header, tables } = await restore(database, lines, source);
        await (await app.queues()).prepare();
        context.print(`Restored the dump of ${header.at}: ${countsOf(tables)}`);
      }),
    );
};

/** Lines end with a line feed only: a value may hold every other line separator of Unicode. @throws FleetError NOT_FOUND */
async function* readLines(file: string, source: string): AsyncGenerator<string> {
  const input = file === '-' ? process.stdin : createReadStream(file);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  try {
    for await (const chunk of input) {
      const lines = (rest + decoder.decode(chunk as Buffer, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
    rest += decoder.decode();
  } catch (error) {
    throw new FleetError('NOT_FOUND', `${source} cannot be read: ${reasonOf(error)}`, { cause: error });
  } finally {
    input.destroy();
  }
  if (rest !== '') yield rest;
}
