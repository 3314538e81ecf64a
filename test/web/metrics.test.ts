import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, before, beforeEach, describe, test } from 'node:test';
import { reconcileProcessor } from '../../jobs/reconcile.ts';
import { metricsSource } from '../../src/database/queries/figures.ts';
import { addPass, noFigures } from '../../src/fleet/figures.ts';
import type { JobData } from '../../src/fleet/job.ts';
import { packageRoot } from '../../src/lib/package.ts';
import { type PassOutcome, pass } from '../../src/pass/pass.ts';
import type { HostFigures } from '../../src/views/metrics.ts';
import { histogramText, metricsText } from '../../src/web/metrics.ts';
import { type Family, parseExposition } from '../harness/exposition.ts';
import { absent, decky, declared, exited, invalid, seen, serviceOf, unreachable } from '../harness/facts.ts';
import { withoutRules } from '../harness/granted.ts';
import { type Bench, bench } from '../harness/pass.ts';

const queues = { up: true, schedulers: 1 };

describe('/metrics after real passes', () => {
  let it: Bench;
  beforeEach(async () => {
    it = await bench();
  });
  afterEach(() => it.close());

  const run = (more: Partial<JobData> = {}, enqueuedAt?: number): Promise<PassOutcome> =>
    pass({ host_uuid: 'local', ...more }, '1', it.ports, {
      graceSeconds: 300,
      rolloutSeconds: 0,
      enqueuedAt,
    });

  const scrape = async (): Promise<ReadonlyMap<string, Family>> => {
    const hosts = await metricsSource(it.database.query, 30).hosts();
    return parseExposition(await metricsText({ version: '1.2.3', hosts, queues }));
  };
  /** The single sample with these labels; undefined: none. */
  const valueIn = (
    families: ReadonlyMap<string, Family>,
    name: string,
    labels: Readonly<Record<string, string>> = {},
  ): number | undefined => {
    const found = [...families.values()]
      .flatMap(({ samples }) => samples)
      .filter(
        (one) =>
          one.name === `decnet_fleet_${name}` &&
          Object.entries(labels).every(([label, value]) => one.labels[label] === value),
      );
    assert.ok(found.length < 2, `${name} is not one sample`);
    return found[0]?.value;
  };
  const host = 'local';

  test('every family has a help text, and a name that fits its type and unit', async () => {
    it.desired = declared(decky('web'));
    await run();
    const families = await scrape();
    assert.equal(families.size, 23);
    for (const [name, { help, type }] of families) {
      assert.match(name, /^decnet_fleet_[a-z_]+$/);
      assert.match(help, /^\w.{20,}\.$/, name);
      assert.ok(['gauge', 'counter', 'histogram'].includes(type), `${name} ${type}`);
      assert.equal(name.endsWith('_total'), type === 'counter', name);
      assert.equal(/duration|latency|age|interval/.test(name), name.endsWith('_seconds'), name);
    }
    assert.equal(valueIn(families, 'build_info', { version: '1.2.3' }), 1);
    assert.deepEqual(
      ['database_up', 'queues_up', 'schedulers'].map((name) => valueIn(families, name)),
      [1, 1, 1],
    );
  });

  test('a fleet without hosts has its families, and no sample of a host', async () => {
    const families = await scrape();
    assert.equal(families.size, 23);
    assert.deepEqual(families.get('decnet_fleet_deckies')?.samples, []);
  });

  test('deckies are counted in all seven states, and changes by kind', async () => {
    it.desired = declared(decky('web'), decky('mail'), decky('old'));
    it.observed = seen(...['web', 'mail', 'old'].map((name) => serviceOf(name, 'ssh')));
    await run();
    it.desired = declared(decky('web', ['ssh'], { distro: 'alpine' }), decky('mail'));
    it.observed = seen(serviceOf('web', 'ssh'), serviceOf('mail', 'ssh', exited(1)));
    await run();

    const families = await scrape();
    assert.deepEqual(
      families.get('decnet_fleet_deckies')?.samples.map(({ labels, value }) => [labels.state, value]),
      [
        ['pending', 0],
        ['running', 1],
        ['failed', 1],
        ['degraded', 0],
        ['torn_down', 0],
        ['tearing_down', 0],
        ['teardown_failed', 0],
      ],
    );
    assert.deepEqual(
      families.get('decnet_fleet_changes_total')?.samples.map(({ labels, value }) => [labels.kind, value]),
      [
        ['inserted', 3],
        ['deleted', 1],
        ['state_updated', 1],
        ['config_updated', 1],
      ],
    );
    assert.equal(valueIn(families, 'passes_total', { host, result: 'ok' }), 2);
    assert.equal(valueIn(families, 'pass_duration_seconds_count', { host, result: 'ok' }), 2);
    const took = valueIn(families, 'pass_duration_seconds_sum', { host, result: 'ok' }) ?? 0;
    assert.ok(took > 0 && took < 10, String(took));
  });

  test('the ages of passes use the database’s clock', async () => {
    await run();
    let families = await scrape();
    const age = valueIn(families, 'last_pass_age_seconds', { host }) ?? -1;
    assert.ok(age >= 0 && age < 10, String(age));
    assert.equal(valueIn(families, 'host_stale', { host }), 0);
    assert.equal(valueIn(families, 'interval_seconds', { host }), 30);

    await it.ports.ledger.register('local', 10);
    await it.db.query(`update fleet_hosts set last_full_pass_at = now() - interval '31 seconds'`);
    families = await scrape();
    assert.equal(Math.floor(valueIn(families, 'last_full_pass_age_seconds', { host }) ?? 0), 31);
    assert.equal(valueIn(families, 'host_stale', { host }), 1);
    assert.equal(valueIn(families, 'interval_seconds', { host }), 10);
  });

  test('a host without a pass is stale, and has no ages and no Docker state', async () => {
    await it.ports.ledger.register('local', 30);
    const families = await scrape();
    assert.equal(valueIn(families, 'host_stale', { host }), 1);
    for (const name of ['last_pass_age_seconds', 'last_full_pass_age_seconds', 'docker_up']) {
      assert.equal(valueIn(families, name, { host }), undefined, name);
    }
    assert.equal(valueIn(families, 'passes_total', { host, result: 'failed' }), 0);
  });

  test('an invalid file and an unreachable engine are distinguished', async () => {
    await run();
    assert.equal(valueIn(await scrape(), 'docker_up', { host }), 1);
    it.desired = invalid;
    await run();
    it.observed = unreachable;
    await run();
    it.desired = absent;
    await run();
    const families = await scrape();
    assert.deepEqual(
      families.get('decnet_fleet_passes_total')?.samples.map(({ labels, value }) => [labels.result, value]),
      [
        ['ok', 1],
        ['failed', 2],
        ['docker_unreachable', 1],
      ],
    );
    assert.equal(valueIn(families, 'docker_up', { host }), 0);
    assert.equal(valueIn(families, 'pass_duration_seconds_count', { host, result: 'failed' }), 2);
  });

  test('dry runs and refused passes are not counted', async () => {
    it.desired = declared(decky('web'));
    await run();
    const before = await it.db.query('select figures from fleet_hosts');
    it.desired = declared(decky('web'), decky('mail'));
    await run({ dry_run: true, cause: 'docker' }, Date.now() - 100);
    it.identity = 'machine-b';
    await assert.rejects(run(), { code: 'OTHER_MACHINE' });
    assert.deepEqual(await it.db.query('select figures from fleet_hosts'), before);
  });

  test('only jobs of events record the latency of their rows', async () => {
    const process = reconcileProcessor({ host, ports: it.ports, graceSeconds: 300, rolloutSeconds: 0 });
    let jobs = 0;
    const job = (data: object, timestamp = Date.now() - 1500) => {
      jobs += 1;
      return process({ id: String(jobs), data: { host_uuid: host, ...data }, timestamp });
    };
    it.desired = declared(decky('web'));
    await job({ cause: 'schedule' });
    assert.equal(valueIn(await scrape(), 'event_latency_seconds_count', { host }), 0);
    it.observed = seen(serviceOf('web', 'ssh'));
    await job({ cause: 'docker', deckies: ['web'] });
    // Nothing changed: no row was written.
    await job({ cause: 'file' });
    const families = await scrape();
    assert.equal(valueIn(families, 'event_latency_seconds_count', { host }), 1);
    assert.equal(valueIn(families, 'event_latency_seconds_bucket', { host, le: '1' }), 0);
    assert.equal(valueIn(families, 'event_latency_seconds_bucket', { host, le: '10' }), 1);
    const sum = valueIn(families, 'event_latency_seconds_sum', { host }) ?? 0;
    assert.ok(sum >= 1.5 && sum < 10, String(sum));
  });

  test('rows held and contested are counted', async () => {
    it.desired = declared(decky('web'));
    it.observed = seen(serviceOf('web', 'ssh', exited(1)));
    await run();
    for (let times = 1; times <= 3; times++) {
      await it.db.query(`update fleet_deckies set state = 'running'`);
      await run();
    }
    await it.db.query(
      `insert into fleet_deckies (host_uuid, name, services, decky_config, decky_ip, state)
       values ('local', 'other', '["ssh"]', '{}', '192.0.2.9', 'running')`,
    );
    await run();
    const families = await scrape();
    assert.equal(valueIn(families, 'contested_deckies', { host }), 1);
    assert.equal(valueIn(families, 'held_deckies', { host }), 1);
  });

  test('invalid figures begin at zero, and the next pass continues', async () => {
    await run();
    await withoutRules(it.db);
    for (const spoiled of ['7', '[]', '{"passes": {"ok": {"count": -1}}}', null]) {
      await it.db.query('update fleet_hosts set figures = $1', [spoiled]);
      assert.equal(valueIn(await scrape(), 'passes_total', { host, result: 'ok' }), 0);
    }
    await run();
    assert.equal(valueIn(await scrape(), 'passes_total', { host, result: 'ok' }), 1);
  });

  test('hosts are counted separately, and a removed host leaves no series', async () => {
    it.desired = declared(decky('web'));
    await run();
    await run({ host_uuid: 'peer' });
    await run({ host_uuid: 'peer' });
    assert.equal(valueIn(await scrape(), 'passes_total', { host: 'peer', result: 'ok' }), 2);
    assert.equal(valueIn(await scrape(), 'passes_total', { host, result: 'ok' }), 1);
    await it.ports.ledger.forget('peer');
    const left = [...(await scrape()).values()].flatMap(({ samples }) => samples);
    assert.deepEqual(
      left.filter(({ labels }) => labels.host === 'peer'),
      [],
    );
  });
});

const someHost = (host: string): HostFigures => ({
  host,
  intervalSeconds: 30,
  lastPassAgeSeconds: 3.25,
  lastFullPassAgeSeconds: 12,
  stale: false,
  stopped: false,
  paused: false,
  dockerUp: true,
  states: { running: 9, failed: 1 },
  held: 0,
  contested: 0,
  undeclared: { running: 0, leftover: 0 },
  deploying: false,
  decnetInSync: true,
  decnetContested: false,
  figures: [0.02, 0.3, 60].reduce(
    (before, seconds) =>
      addPass(before, {
        result: seconds > 50 ? 'docker_unreachable' : 'ok',
        seconds,
        changes: { inserted: 1, deleted: 0, state_updated: 2, config_updated: 0 },
        eventSeconds: seconds,
      }),
    noFigures,
  ),
});

describe('the text', () => {
  test('has cumulative buckets that end with the count', async () => {
    const text = await metricsText({ version: '1', hosts: [someHost('a')], queues });
    const { samples } = parseExposition(text).get('decnet_fleet_event_latency_seconds') ?? assert.fail();
    assert.deepEqual(
      samples.map(({ labels, value }) => [labels.le, value]),
      [
        ...['0.005', '0.01'].map((le) => [le, 0]),
        ...['0.025', '0.05', '0.1', '0.25'].map((le) => [le, 1]),
        ...['0.5', '1', '2.5', '5', '10'].map((le) => [le, 2]),
        ['+Inf', 3],
        [undefined, 60.32],
        [undefined, 3],
      ],
    );
  });

  test('escapes the values of labels', () => {
    const nasty = 'a"b\\c\nd}';
    const text = histogramText({
      name: 'some_seconds',
      help: 'Some.',
      bounds: [1],
      samples: [{ labels: { host: nasty }, histogram: { buckets: [1], count: 2, sum: 3 } }],
    });
    const samples = parseExposition(text).get('some_seconds')?.samples ?? [];
    assert.deepEqual(
      samples.map(({ labels, value }) => [labels.host, value]),
      [
        [nasty, 1],
        [nasty, 2],
        [nasty, 3],
        [nasty, 2],
      ],
    );
  });

  test('shows when the database or the queues do not answer', async () => {
    const families = parseExposition(
      await metricsText({ version: '1', hosts: null, queues: { up: false, schedulers: null } }),
    );
    assert.deepEqual(
      [...families].map(([name, { samples }]) => [name, samples[0]?.value]),
      [
        ['decnet_fleet_build_info', 1],
        ['decnet_fleet_database_up', 0],
        ['decnet_fleet_queues_up', 0],
      ],
    );
  });

  test('counts what each receiver of notifications did not get, zeros included', async () => {
    const undelivered = [
      { receiver: 'webhook a "b"', failed: 3 },
      { receiver: 'DECNET_WEBHOOK_URL', failed: 0 },
    ];
    const families = parseExposition(await metricsText({ version: '1', hosts: null, undelivered }));
    assert.deepEqual(
      families
        .get('decnet_fleet_notifications_undelivered')
        ?.samples.map(({ labels, value }) => [labels.receiver, value]),
      [
        ['webhook a "b"', 3],
        ['DECNET_WEBHOOK_URL', 0],
      ],
    );
  });

  test('of 1,000 hosts is generated within a scrape', async () => {
    const hosts = Array.from({ length: 1000 }, (_, at) => someHost(`host-${at}`));
    const started = performance.now();
    const text = await metricsText({ version: '1', hosts, queues });
    const took = performance.now() - started;
    assert.ok(took < 5000, `${Math.round(took)} ms`);
    assert.equal(text.match(/^decnet_fleet_deckies\{/gm)?.length, 7000);
  });
});

describe('the shipped alerts and dashboard', () => {
  const text = (name: string): string => readFileSync(join(packageRoot, 'docs', name), 'utf8');
  let families: ReadonlyMap<string, Family>;
  before(async () => {
    const heartbeat = { sentAgeSeconds: 1, why: null, reason: null, receiver: 'https://hc.example' };
    families = parseExposition(
      await metricsText({ version: '1', hosts: [someHost('a')], heartbeat, queues, incidents: [] }),
    );
  });

  const unknown = (expressions: string): readonly string[] => {
    const known = new Set(
      [...families].flatMap(([name, { type }]) =>
        type === 'histogram' ? ['_bucket', '_sum', '_count'].map((suffix) => name + suffix) : [name],
      ),
    );
    const used = new Set(expressions.match(/decnet_fleet_\w+/g));
    assert.ok(used.size > 8, String(used.size));
    return [...used].filter((name) => !known.has(name));
  };

  test('alerts use only existing metrics, and each has advice', () => {
    const alerts = text('alerts.yml');
    assert.deepEqual(unknown(alerts), []);
    const count = alerts.match(/- alert: DecnetFleet\w+$/gm)?.length;
    for (const field of ['expr', 'for', 'summary', 'description', 'labels']) {
      assert.equal(alerts.match(new RegExp(`^ +${field}:`, 'gm'))?.length, count, field);
    }
  });

  test('the dashboard uses only existing metrics, and the selected data source and hosts everywhere', () => {
    const dashboard = JSON.parse(text('grafana-dashboard.json'));
    const panels: readonly {
      id: number;
      datasource: { uid: string };
      targets: readonly { expr: string; datasource: { uid: string } }[];
    }[] = dashboard.panels;
    const targets = panels.flatMap((panel) => panel.targets);
    assert.deepEqual(unknown(targets.map(({ expr }) => expr).join(' ')), []);
    assert.deepEqual(
      dashboard.templating.list.map(({ name }: { name: string }) => name),
      ['datasource', 'host'],
    );
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    for (const { datasource } of [...panels, ...targets]) assert.equal(datasource.uid, '$' + '{datasource}');
    for (const { expr } of targets) {
      // Incidents and the control plane belong to no host.
      const isOfAll = /^max\(decnet_fleet_\w+\)$/.test(expr) || expr.includes('(decnet_fleet_incidents)');
      assert.ok(expr.includes('host=~"$host"') || isOfAll, expr);
    }
  });
});
