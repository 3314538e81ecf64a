/** Common code of the floor and of DECNET's method: Docker, file and table without any code of the product. */
import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import type pg from 'pg';
import { settings } from './measure.ts';

export interface Declared {
  readonly name: string;
  readonly ip: string;
  readonly services: readonly string[];
}

export const deckiesOf = async (path: string): Promise<readonly Declared[]> =>
  (JSON.parse(await readFile(path, 'utf8')) as { config: { deckies: readonly Declared[] } }).config.deckies;

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/** The engine's answer. */
export const ask = <T>(path: string): Promise<T> =>
  new Promise((done, fail) => {
    const asked = request({ agent, socketPath: settings.socket, path }, (reply) => {
      const chunks: Buffer[] = [];
      reply.on('data', (chunk: Buffer) => chunks.push(chunk));
      reply.on('end', () => done(JSON.parse(Buffer.concat(chunks).toString()) as T));
    });
    asked.on('error', fail);
    asked.end();
  });

/** A table like `fleet_deckies`, with the necessary columns. */
export const makeTable = (client: pg.Client, table: string): Promise<unknown> =>
  client.query(`create table if not exists ${table} (host_uuid varchar(64) not null, name varchar(128) not null,
    services jsonb, decky_config jsonb, decky_ip text, state text, updated_at timestamptz default now(),
    primary key (host_uuid, name))`);

export const insertAll = (client: pg.Client, table: string, deckies: readonly Declared[]): Promise<unknown> =>
  client.query(
    `insert into ${table} (host_uuid, name, services, decky_config, decky_ip, state)
     select 'bench', d ->> 'name', d -> 'services', d, d ->> 'ip', 'running' from jsonb_array_elements($1::jsonb) d`,
    [JSON.stringify(deckies)],
  );

/** Fills the table with exactly the deckies of the full file. */
export async function fill(client: pg.Client, table: string): Promise<void> {
  const copy = `${table}_filled`;
  const { rows } = await client.query<{ exists: boolean }>(`select to_regclass($1) is not null as exists`, [
    copy,
  ]);
  await client.query(`truncate ${table}`);
  if (rows[0]?.exists) await client.query(`insert into ${table} select * from ${copy}`);
  else {
    await insertAll(client, table, await deckiesOf(settings.fullFile));
    await client.query(`create table ${copy} as select * from ${table}`);
  }
  await client.query(`vacuum analyze ${table}`);
}
