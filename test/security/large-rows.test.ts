import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { HostView } from '../../src/views/report.ts';
import { type Running, startDashboard } from '../harness/cli.ts';
import { hostWithStore } from '../harness/host-with-store.ts';
import { jsonHere } from '../harness/run-here.ts';
import { waitFor } from '../harness/wait.ts';

/** All of it is what the rules of the tables allow. */
const floods = [
  `update fleet_hosts set notes = jsonb_build_object('held', (select jsonb_object_agg('n' || i,
     jsonb_build_object('reason', 'x', 'since', 'x')) from generate_series(1, 300000) i)) where host_uuid = 'evil'`,
  `update fleet_hosts set notes = notes || jsonb_build_object('deployments', jsonb_build_object('never_ran',
       (select jsonb_object_agg('s' || i, 'x') from generate_series(1, 100000) i)),
     'undeclared', (select jsonb_object_agg('n' || i, jsonb_build_object('kind', 'leftover', 'containers',
       (select jsonb_agg(repeat('x', 150) || j) from generate_series(1, 30) j))) from generate_series(1, 2000) i)) where host_uuid = 'evil'`,
  `insert into fleet_transitions (host_uuid, name, from_state, to_state, reason, at)
   select 'evil', 'web', case when n % 2 = 0 then 'running' else 'failed' end,
     case when n % 2 = 0 then 'failed' else 'running' end, repeat('x', 4000), now() - (60000 - n) * interval '1 s'
   from generate_series(1, 60000) n`,
  `insert into fleet_deckies (host_uuid, name, state, services) select 'evil', 's' || n, 'failed', s from generate_series(1, 20) n,
     (select jsonb_agg('service' || i) as s from generate_series(1, 400000) i)`,
  `insert into fleet_deckies (host_uuid, name, state, last_error, decky_config) select 'evil', 'web', 'failed', repeat('😀', 4000),
     jsonb_object_agg('k' || i, i) from generate_series(1, 300000) i`,
];

const { store, env } = await hostWithStore();
const { db } = store;

describe('what a stolen worker writes in great quantity', () => {
  let dashboard: Running;
  let url: string;

  before(async () => {
    await db.query(`insert into fleet_hosts (host_uuid, interval_s, last_pass_at, last_full_pass_at)
      values ('evil', 30, now(), now()), ('good', 30, now(), now())`);
    await db.query(
      `insert into fleet_deckies (host_uuid, name, services, state) values ('good', 'web', '["ssh"]', 'running')`,
    );
    for (const flood of floods) await db.query(flood);
    ({ dashboard, url } = await startDashboard(env));
    await (await fetch(`${url}/hosts/good`)).text();
  });
  after(async () => {
    dashboard.child.kill('SIGKILL');
    await dashboard.finished;
  });

  for (const path of [
    '/',
    '/?q=ssh',
    '/hosts/good',
    '/hosts/evil',
    '/deckies/evil/web',
    '/deckies/evil/s1',
    '/history?limit=1000',
    '/api/hosts',
    '/api/fleet?limit=1000',
    '/metrics',
  ])
    test(`${path} is answered in good time, and at a length that can be read`, async () => {
      let length = 0;
      // On a machine that is busy with other tests, the first answer may take longer than the dashboard waits for it.
      await waitFor(async () => {
        const answer = await fetch(url + path);
        length = (await answer.text()).length;
        return answer.status === 200;
      }, 15_000);
      assert.ok(length > 0 && length < 4_000_000, `${length} characters`);
    });

  test('metrics count every note', async () => {
    const text = await (await fetch(`${url}/metrics`)).text();
    assert.match(text, /^decnet_fleet_\w*held\w*\{host="evil"\} 300000$/m);
    assert.match(text, /^decnet_fleet_undeclared_deckies\{host="evil",kind="leftover"\} 2000$/m);
  });

  test('undeclared deckies are shown up to a limit, and a name that was cut off is in no command', async () => {
    const { hosts } = await jsonHere<{ hosts: HostView[] }>(['hosts', '--host', 'evil', '--json'], env);
    const undeclared = hosts[0]?.undeclared ?? [];
    assert.equal(undeclared.length, 1000);
    assert.equal(undeclared[0]?.containers.length, 1, 'equal names once');
    assert.equal(undeclared[0]?.containers[0], `${'x'.repeat(127)}…`);
    assert.equal(undeclared[0]?.remove, null);
  });

  test('status shows a reason of 500 characters, no service of too many, and all of others', async () => {
    const { hosts } = await jsonHere<{
      hosts: {
        host_uuid: string;
        deckies: { name: string; services: unknown; last_error: string | null }[];
      }[];
    }>(['status', '--json'], env);
    const shown = hosts.flatMap(({ host_uuid, deckies }) =>
      deckies.map(({ name, services, last_error }) => [
        host_uuid,
        name,
        services,
        [...(last_error ?? '')].length,
      ]),
    );
    assert.deepEqual(
      shown.filter(([of, name]) => of === 'good' || name === 'web' || name === 's1'),
      [
        ['evil', 's1', [], 0],
        ['evil', 'web', [], 500],
        ['good', 'web', ['ssh'], 0],
      ],
    );
  });
});
