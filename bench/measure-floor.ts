/** The floor of a pass: the same input and output with nothing around it, written with `pg`. Started by bench/one-pass.ts. */
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import pg from 'pg';
import { serveRounds, timed, told } from './measure.ts';

const client = new pg.Client({ connectionString: told.databaseUrl });
await client.connect();
await client.query(`create table if not exists floor_deckies (host_uuid varchar(64) not null, name varchar(128) not null,
  services jsonb, decky_config jsonb, decky_ip text, state text, updated_at timestamptz default now(), primary key (host_uuid, name))`);

const get = (path: string): Promise<string> =>
  new Promise((done, fail) => {
    const asked = request({ socketPath: told.socket, path }, (reply) => {
      const chunks: Buffer[] = [];
      reply.on('data', (chunk: Buffer) => chunks.push(chunk));
      reply.on('end', () => done(Buffer.concat(chunks).toString()));
    });
    asked.on('error', fail);
    asked.end();
  });
interface Declared {
  readonly config: { readonly deckies: readonly { name: string; ip: string; services: readonly string[] }[] };
}
const deckiesOf = async (path: string): Promise<Declared['config']['deckies']> =>
  (JSON.parse(await readFile(path, 'utf8')) as Declared).config.deckies;

const insert = (deckies: Declared['config']['deckies']): Promise<unknown> =>
  client.query(
    `insert into floor_deckies (host_uuid, name, services, decky_config, decky_ip, state)
     select 'bench', d ->> 'name', d -> 'services', d, d ->> 'ip', 'running' from jsonb_array_elements($1::jsonb) d`,
    [JSON.stringify(deckies)],
  );
const fill = async (): Promise<void> => {
  await client.query('truncate floor_deckies');
  await insert(await deckiesOf(told.fullFile));
  await client.query('vacuum analyze floor_deckies');
};

if (told.which !== 'all new' && told.which !== 'all deleted') await fill();
const prepare = async (): Promise<void> => {
  if (told.which === 'all new') await client.query('truncate floor_deckies');
  else if (told.which === 'all deleted') await fill();
};
serveRounds(prepare, async (phases) => {
  const listed = await timed(
    phases,
    'docker',
    async () => JSON.parse(await get('/containers/json?all=true')) as unknown[],
  );
  const deckies = await timed(phases, 'file', () => deckiesOf(told.stateFile));
  const { rows } = await timed(phases, 'rows', () =>
    client.query<{ name: string }>(
      `select name, services, decky_ip, state from floor_deckies where host_uuid = 'bench'`,
    ),
  );
  await timed(phases, 'apply', async () => {
    if (told.which === 'all new') await insert(deckies);
    if (told.which === 'all deleted')
      await client.query(`delete from floor_deckies where host_uuid = 'bench'`);
    if (told.which === '1 % changed')
      await client.query(
        `update floor_deckies set state = 'failed', updated_at = now() where host_uuid = 'bench' and name = any ($1)`,
        [rows.filter((_, at) => at % 100 === 0).map(({ name }) => name)],
      );
  });
  if (listed.length === 0 && told.which !== 'all deleted') throw new Error('nothing was listed');
});
