import type { DumpedTable } from '../../database/dump.ts';
import { version } from '../../lib/package.ts';
import { type Register, withApp } from '../context.ts';

/** Characters that are printed in one piece. */
const pieceLength = 64 * 1024;

/** Prints the whole fleet and its history, to be restored elsewhere. */
export const dumpCommand: Register = (program, context) => {
  program
    .command('dump')
    .description('print all rows and their history, for `restore`')
    .addHelpText(
      'after',
      `
  $ decnet-fleet dump > fleet.dump

It changes nothing, and workers may go on meanwhile. A dump fits every version of PostgreSQL, and this version of
decnet-fleet or a newer one. It holds no grants: run \`grant\` again where it is restored.`,
    )
    .action(() =>
      withApp(context, async (app) => {
        const [database, { dump }] = await Promise.all([app.database(), import('../../database/dump.ts')]);
        let piece = '';
        const tables = await dump(database, version, async (line) => {
          piece += `${line}\n`;
          if (piece.length < pieceLength) return;
          context.write(piece);
          piece = '';
          await context.written();
        });
        context.write(piece);
        context.note(`Dumped ${countsOf(tables)}`);
      }),
    );
};

/** `hosts 1, deckies 3, …` */
export const countsOf = (tables: readonly DumpedTable[]): string =>
  tables.map(({ table, rows }) => `${table.replace('fleet_', '')} ${rows}`).join(', ');
