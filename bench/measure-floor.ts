/** The floor of a pass: the bare input and output, written with `pg`. Started by bench/one-pass.ts. */
import pg from 'pg';
import { ask, deckiesOf, fill, insertAll, makeTable } from './bare.ts';
import { serveRounds, settings, settle, timed } from './measure.ts';

const client = new pg.Client({ connectionString: settings.databaseUrl });
await client.connect();
const table = 'floor_deckies';
await makeTable(client, table);

if (settings.which !== 'all new' && settings.which !== 'all deleted') await fill(client, table);
const prepare = async (): Promise<void> => {
  if (settings.which === 'all new') await client.query('truncate floor_deckies');
  else if (settings.which === 'all deleted') await fill(client, table);
  await client.query(settle);
};
serveRounds(prepare, async (phases) => {
  const listed = await timed(phases, 'docker', () => ask<unknown[]>('/containers/json?all=true'));
  const deckies = await timed(phases, 'file', () => deckiesOf(settings.stateFile));
  const { rows } = await timed(phases, 'rows', () =>
    client.query<{ name: string }>(
      `select name, services, decky_ip, state from floor_deckies where host_uuid = 'bench'`,
    ),
  );
  await timed(phases, 'apply', async () => {
    if (settings.which === 'all new') await insertAll(client, table, deckies);
    if (settings.which === 'all deleted')
      await client.query(`delete from floor_deckies where host_uuid = 'bench'`);
    if (settings.which === '1 % changed')
      await client.query(
        `update floor_deckies set state = 'failed', updated_at = now() where host_uuid = 'bench' and name = any ($1)`,
        [rows.filter((_, at) => at % 100 === 0).map(({ name }) => name)],
      );
  });
  if (listed.length === 0 && settings.which !== 'all deleted') throw new Error('nothing was listed');
});
