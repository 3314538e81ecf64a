import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Database } from '../../src/database/database.ts';
import { openDatabase } from '../../src/database/orm.ts';
import { postgresOutbox } from '../../src/database/outbox.ts';
import { pages } from '../../src/database/queries/pages.ts';
import { report } from '../../src/database/queries/report.ts';
import { packageRoot } from '../../src/lib/package.ts';
import type { HostView } from '../../src/views/report.ts';
import { type Env, type Running, startDashboard } from '../harness/cli.ts';
import { parseExposition } from '../harness/exposition.ts';
import { type TestHost, testHost } from '../harness/host.ts';
import { ask, basic } from '../harness/http.ts';
import { clear } from '../harness/incidents.ts';
import { jsonHere, runHere } from '../harness/run-here.ts';
import { type TestStore, testStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

const odd = 'rack 7/left';
const words = /no worker has ever monitored this host/i;

describe('hosts that no worker has ever monitored', () => {
  let store: TestStore;
  let host: TestHost;
  let env: Env;
  let dashboard: Running;
  let database: Database;
  let url = '';
  const login = { authorization: basic('ops', 'secret-of-ops') };
  const get = (path: string) => ask(`${url}${path}`, { headers: login });
  const json = async <T>(path: string): Promise<T> => JSON.parse((await get(path)).body) as T;

  before(async () => {
    store = await testStore('postgres');
    host = testHost();
    env = host.env({
      ...store.env,
      DECNET_HOSTS: 'planned,host-a',
      DASHBOARD_USER: 'ops',
      DASHBOARD_PASSWORD: 'secret-of-ops',
    });
    await store.db.query(`insert into fleet_hosts (host_uuid, interval_s, last_pass_at, last_full_pass_at, last_observed_at)
      values ('host-a', 86400, now(), now(), now()), ('new', 86400, null, null, null)`);
    await store.db.query(
      `insert into fleet_deckies (host_uuid, name, services, decky_ip, state, last_error) values
        ('host-a', 'web', '["http"]', '192.0.2.1', 'running', null),
        ('lost', 'web', '["http"]', '192.0.2.2', 'running', null),
        ('lost', 'ftp', '["ftp"]', '192.0.2.3', 'failed', 'ftp: exited, code 1'),
        ($1, 'dns', '["dns"]', '192.0.2.4', 'running', null)`,
      [odd],
    );
    database = await openDatabase(store.db.url);
    ({ dashboard, url } = await startDashboard(env));
  });
  after(async () => {
    dashboard.child.kill();
    await dashboard.finished;
    await database.close();
    host.remove();
    await store.drop();
  });

  /** For each host: whether it is stale, whether a worker has registered it, and its states. */
  const seenAs = (hosts: readonly HostView[]) =>
    Object.fromEntries(
      hosts.map(({ host_uuid, stale, first_seen_at, states }) => [
        host_uuid,
        [stale, first_seen_at !== null, states],
      ]),
    );
  const expected = {
    'host-a': [false, true, { running: 1 }],
    lost: [true, false, { failed: 1, running: 1 }],
    new: [true, true, {}],
    planned: [true, false, {}],
    [odd]: [true, false, { running: 1 }],
  };

  test('are listed by status and hosts, with their deckies as last known', async () => {
    for (const command of ['status', 'hosts']) {
      const found = await jsonHere<{ hosts: readonly (HostView & { deckies?: readonly unknown[] })[] }>(
        [command, '--json'],
        env,
      );
      assert.deepEqual(seenAs(found.hosts), expected);
      const schema = JSON.parse(
        readFileSync(join(packageRoot, `docs/schemas/${command}.schema.json`), 'utf8'),
      );
      const holds = new Ajv2020({ allErrors: true }).compile(schema);
      assert.ok(holds(found), JSON.stringify(holds.errors));
      const lost = found.hosts.find(({ host_uuid }) => host_uuid === 'lost');
      assert.deepEqual(
        [lost?.docker, lost?.last_full_pass_at, lost?.counts, lost?.held, lost?.interval_s],
        ['unknown', null, null, [], 30],
      );
      if (command === 'status') assert.equal(lost?.deckies?.length, 2);
      const one = await jsonHere<{ hosts: readonly HostView[] }>([command, '--json', '--host', 'lost'], env);
      assert.deepEqual(seenAs(one.hosts), { lost: expected.lost });
      const { stdout } = await runHere([command, '--host', 'lost'], env);
      assert.match(stdout, words);
      assert.match(stdout, /1 failed, 1 running \(last known\)/);
      assert.match((await runHere([command, '--host', 'planned'], env)).stdout, words);
      assert.doesNotMatch((await runHere([command, '--host', 'new'], env)).stdout, words);
    }
  });

  test('are on the pages', async () => {
    const { body } = await get('/');
    for (const name of Object.keys(expected)) assert.ok(body.includes(`aria-label="Host ${name}"`), name);
    assert.equal(body.match(new RegExp(words, 'gi'))?.length, 3);
    assert.match(body, /5 hosts<\/strong>\s*<span>1 fresh/);
    assert.match(body, /4 deckies<\/strong>/);
    assert.match(body, /<span class="figure">3<\/span> last known/);
    const failed = (await get('/?state=failed')).body;
    assert.ok(failed.includes('Host lost') && !failed.includes('aria-label="Host host-a"'));
    const only = (await get('/?host=lost')).body;
    assert.ok(only.includes('/deckies/lost/ftp') && !only.includes('aria-label="Host planned"'));
    for (const name of ['lost', 'planned', odd]) {
      const page = await get(`/hosts/${encodeURIComponent(name)}`);
      assert.equal(page.status, 200, name);
      assert.match(page.body, words);
      assert.doesNotMatch(page.body, /Reconcile now/);
    }
    const decky = await get('/deckies/lost/ftp');
    assert.equal(decky.status, 200);
    assert.match(decky.body, words);
    assert.match(decky.body, /last known: failed/);
  });

  test('cannot be reconciled: no worker would run the pass', async () => {
    const reply = await ask(`${url}/hosts/lost/reconcile`, { method: 'POST', headers: login });
    assert.equal(reply.status, 409);
    assert.match(reply.body, words);
    const [jobs] = await store.db.query(`select to_regclass('bullmq.job') is null as none`);
    assert.equal(jobs?.none, false);
    assert.deepEqual(await store.db.query(`select 1 from bullmq.job where queue = 'reconcile.lost'`), []);
  });

  test('are in the JSON of the dashboard, with paging', async () => {
    const fleet = await json<{ total: number; deckies: readonly { host_uuid: string }[] }>('/api/fleet');
    assert.equal(fleet.total, 4);
    assert.equal(fleet.deckies.filter(({ host_uuid }) => host_uuid === 'lost').length, 2);
    const all = await json<{ total: number; hosts: readonly HostView[] }>('/api/hosts');
    assert.deepEqual([all.total, seenAs(all.hosts)], [5, expected]);
    const paged: HostView[] = [];
    for (let offset = 0; offset < 5; offset += 2) {
      const part = await json<typeof all>(`/api/hosts?limit=2&offset=${offset}`);
      assert.equal(part.total, 5);
      paged.push(...part.hosts);
    }
    assert.deepEqual(paged, all.hosts);
    const lost = await json<typeof all>('/api/hosts?host=lost');
    assert.deepEqual([lost.total, seenAs(lost.hosts)], [1, { lost: expected.lost }]);
  });

  test('are in the metrics, as stale and without an age', async () => {
    const families = parseExposition((await get('/metrics')).body);
    const of = (name: string, labels: object): number | undefined =>
      families
        .get(`decnet_fleet_${name}`)
        ?.samples.find((sample) =>
          Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
        )?.value;
    for (const name of ['lost', 'planned', odd]) {
      assert.equal(of('host_stale', { host: name }), 1);
      assert.equal(of('last_full_pass_age_seconds', { host: name }), undefined);
      assert.equal(of('docker_up', { host: name }), undefined);
    }
    assert.deepEqual(
      ['failed', 'running', 'pending'].map((state) => of('deckies', { host: 'lost', state })),
      [1, 1, 0],
    );
    assert.equal(of('deckies', { host: 'planned', state: 'running' }), 0);
    assert.equal(of('host_stale', { host: 'host-a' }), 0);
  });

  test('cause no alerts, and are scheduled only if the configuration includes them', async () => {
    let asked = 0;
    await postgresOutbox(database, { intervalSeconds: 30, graceSeconds: 300, historyDays: 30 }).check(
      Number.MAX_SAFE_INTEGER,
      {
        settle: () => {
          asked += 1;
          return [];
        },
        control: clear,
        messages: null,
        receiversOf: () => [''],
        databaseLostAt: null,
      },
    );
    assert.deepEqual([asked, await store.db.query('select * from fleet_alarms')], [0, []]);
    const intervals = await report(database.query, 30, ['planned']).intervals();
    assert.deepEqual(intervals.map(({ host_uuid }) => host_uuid).sort(), ['host-a', 'new']);
  });

  test('cause live updates, although no pass writes them', async () => {
    const { pulse } = pages(database.query, 30);
    const { text } = await pulse();
    assert.equal((await pulse()).text, text);
    await store.db.query(
      `update fleet_deckies set state = 'degraded' where host_uuid = 'lost' and name = 'web'`,
    );
    await waitFor(async () => (await pulse()).text !== text, 15_000);
    await store.db.query(
      `update fleet_deckies set state = 'running' where host_uuid = 'lost' and name = 'web'`,
    );
  });

  test('are removed with their rows', async () => {
    const nobody = await runHere(['forget', '--host', 'never', '--yes'], env);
    assert.deepEqual([nobody.code, nobody.stdout], [1, '']);
    assert.equal((await runHere(['forget', '--host', 'no body', '--yes'], env)).code, 2);
    for (const [name, rows] of [
      ['lost', '2 rows'],
      [odd, '1 row'],
    ] as const) {
      const { code, stdout, stderr } = await runHere(['forget', '--host', name, '--yes'], env);
      assert.equal(code, 0, stderr);
      assert.equal(stdout, `Removed host ${name} and ${rows}.\n`);
    }
    const { hosts } = await json<{ hosts: readonly HostView[] }>('/api/hosts');
    assert.deepEqual(Object.keys(seenAs(hosts)), ['host-a', 'new', 'planned']);
    assert.equal((await get('/hosts/lost')).status, 404);
  });

  test('are ordinary hosts after the first pass of a worker', async () => {
    await store.db.query(`insert into fleet_hosts (host_uuid, last_full_pass_at) values ('planned', now())`);
    const { hosts } = await json<{ hosts: readonly HostView[] }>('/api/hosts?host=planned');
    assert.deepEqual(seenAs(hosts), { planned: [false, true, {}] });
  });
});
