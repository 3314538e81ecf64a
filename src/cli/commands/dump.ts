import type { DumpedTable } from '../../database/dump.ts';
import { version } from '../../lib/package.ts';
import { type Register, withApp } from '../context.ts';

/** Characters to collect before each write. */
const pieceLength = 64 * 1024;

/** Prints the whole fleet and its history in the format that `restore` reads. */
export const dumpCommand: Register = (command, context) => {
  command
    .addHelpText(
      'after',
      `
The dump is read-only, and workers may keep running. It can be restored into any supported version of PostgreSQL, by this
version of decnet-fleet or a newer one. It does not include grants: run \`grant\` again after restoring.`,
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
