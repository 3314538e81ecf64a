/**
 * A pass with the method of DECNET's own reconciler, in TypeScript: an inspection of each container, a search through all
 * container names for each decky, a transaction for each row. Started by bench/one-pass.ts.
 */
import pg from 'pg';
import { ask, type Declared, deckiesOf, fill, makeTable } from './bare.ts';
import { serveRounds, settings, timed } from './measure.ts';

const client = new pg.Client({ connectionString: settings.databaseUrl });
await client.connect();
const table = 'upstream_deckies';
await makeTable(client, table);

async function containerStates(): Promise<ReadonlyMap<string, string>> {
  const states = new Map<string, string>();
  for (const { Id } of await ask<readonly { Id: string }[]>('/containers/json?all=true')) {
    const { Name, State } = await ask<{ Name: string; State: { Status: string } }>(`/containers/${Id}/json`);
    states.set(Name.slice(1), State.Status);
  }
  return states;
}

function stateOf({ name, services }: Declared, states: ReadonlyMap<string, string>): string {
  const expected = new Set(services.map((service) => `${name}-${service.replaceAll('_', '-')}`));
  const seen: string[] = [];
  for (const [container, state] of states) if (expected.has(container)) seen.push(state);
  const running = seen.filter((state) => state === 'running').length;
  if (seen.length === 0) return 'torn_down';
  if (running === expected.size) return 'running';
  return running === 0 ? 'failed' : 'degraded';
}

async function inTransaction(work: () => Promise<unknown>): Promise<void> {
  await client.query('begin');
  await work();
  await client.query('commit');
}

const insert = (decky: Declared, state: string): Promise<void> =>
  inTransaction(async () => {
    await client.query(`select * from upstream_deckies where host_uuid = 'bench' and name = $1`, [
      decky.name,
    ]);
    await client.query(`insert into upstream_deckies values ('bench', $1, $2, $3, $4, $5)`, [
      decky.name,
      JSON.stringify(decky.services),
      JSON.stringify(decky),
      decky.ip,
      state,
    ]);
  });

const prepare = async (): Promise<void> => {
  if (settings.which === 'all new') await client.query('truncate upstream_deckies');
  else await fill(client, table);
  if (settings.which === '1 % changed')
    await client.query(
      `update upstream_deckies set state = 'failed' where name in (
        select name from (select name, row_number() over (order by name) as n from upstream_deckies) d where n % 100 = 1)`,
    );
};

serveRounds(prepare, async (phases) => {
  const deckies = await timed(phases, 'file', () => deckiesOf(settings.stateFile));
  const { rows } = await timed(phases, 'rows', () =>
    client.query<{ name: string; state: string }>(
      `select * from upstream_deckies where host_uuid = 'bench' order by name`,
    ),
  );
  const recorded = new Map(rows.map((row) => [row.name, row.state]));
  const states = await timed(phases, 'docker', containerStates);
  const declared = new Set(deckies.map(({ name }) => name));
  for (const decky of deckies) {
    const state = stateOf(decky, states);
    const before = recorded.get(decky.name);
    if (before === undefined) await insert(decky, state);
    else if (before !== state)
      await inTransaction(() =>
        client.query(
          `update upstream_deckies set state = $2, updated_at = now() where host_uuid = 'bench' and name = $1`,
          [decky.name, state],
        ),
      );
  }
  for (const { name } of rows)
    if (!declared.has(name))
      await inTransaction(() =>
        client.query(`delete from upstream_deckies where host_uuid = 'bench' and name = $1`, [name]),
      );
});
