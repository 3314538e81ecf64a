import { createReadStream } from 'node:fs';
import { FleetError, reasonOf } from '../../lib/errors.ts';
import { audited } from '../audited.ts';
import { type Register, withApp } from '../context.ts';
import { countsOf } from './dump.ts';

/** Restores a dump into an empty database. */
export const restoreCommand: Register = (command, context) => {
  command
    .argument('<file>', 'the dump, or - for standard input')
    .addHelpText('after', '\nEither the whole dump is restored, or nothing. The database is migrated first.')
    .action((file: string) =>
      withApp(context, async (app) => {
        const source = file === '-' ? 'standard input' : file;
        const lines = readLines(file, source);
        const [database, { restore }] = await Promise.all([
          app.databaseAsItIs(),
          import('../../database/restore.ts'),
        ]);
        const { header, tables } = await restore(database, lines, source);
        await audited(
          app,
          context,
          { act: 'restore', details: `the dump of ${header.at}` },
          async () => undefined,
        );
        await (await app.queues()).prepare();
        context.print(`Restored the dump of ${header.at}: ${countsOf(tables)}`);
      }),
    );
};

/** Splits at line feeds only: values may contain the other line separators of Unicode. @throws FleetError NOT_FOUND */
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
