import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { metricsSource } from '../../src/database/queries/figures.ts';
import { report } from '../../src/database/queries/report.ts';
import type { Desired } from '../../src/fleet/desired.ts';
import { type Explanations, noExplanations } from '../../src/fleet/plan/explanations.ts';
import { type PassOutcome, pass } from '../../src/pass/pass.ts';
import type { HostView } from '../../src/views/report.ts';
import type { Env } from '../harness/cli.ts';
import { type TestDashboard, testDashboard } from '../harness/dashboard.ts';
import { container, decky, declared, seen, serviceOf } from '../harness/facts.ts';
import { type TestHost, testHost } from '../harness/host.ts';
import { type Bench, bench } from '../harness/pass.ts';
import { runHere } from '../harness/run-here.ts';

describe('what people see of a host on which DECNET is at work', () => {
  let it: Bench;
  let host: TestHost;
  let env: Env;
  let dashboard: TestDashboard;
  beforeEach(async () => {
    it = await bench();
    host = testHost();
    host.write([]);
    env = host.env({ DATABASE_URL: it.db.url, DOCKER_HOST: 'unix:///nonexistent/docker.sock' });
    dashboard = await testDashboard(env, {}, undefined, async (data) => {
      return (await pass(data, 'view', it.ports, settings)).result;
    });
  });
  afterEach(async () => {
    await dashboard.close();
    await it.close();
    host.remove();
  });

  const settings = { graceSeconds: 300, rolloutSeconds: 900 };
  const run = (heard: Partial<Explanations> = {}): Promise<PassOutcome> => {
    it.ports.hearing = { explanations: () => ({ ...noExplanations, ...heard }), recorded: () => undefined };
    return pass({ host_uuid: 'local' }, '1', it.ports, settings);
  };
  const view = async (): Promise<HostView> =>
    (await report(it.database.query, 30).hosts('local'))[0] ?? assert.fail();
  let looks = 0;
  /** A page that is not the answer to an earlier request. */
  const page = async (path: string): Promise<string> =>
    (await fetch(`${dashboard.url}${path}?look=${looks++}`)).text();
  const said = async (...args: string[]): Promise<string> => (await runHere(args, env)).stdout;
  const doctor = async () => {
    const { checks } = JSON.parse(await said('doctor', '--json')) as {
      checks: { part: string; verdict: string; text: string }[];
    };
    const { verdict, text } = checks.find(({ part }) => part === 'undeclared') ?? assert.fail();
    return [verdict, text];
  };

  const now = (): number => Date.now() / 1000;
  /** As a file that was written now. */
  const declaredNow = (...names: string[]): Desired => {
    const desired = declared(...names.map((name) => decky(name)));
    return desired.kind === 'declared' ? { ...desired, changedAt: Date.now() } : assert.fail();
  };

  test('undeclared deckies and leftovers are listed apart, with the command that removes them', async () => {
    it.desired = declared(decky('web'));
    it.observed = seen(
      container('web'),
      serviceOf('web', 'ssh', { owner: 'web', network: 'shared' }),
      container('ghost', { isOfDecnet: true }),
      serviceOf('ghost', 'ssh', { owner: 'ghost', network: 'shared' }),
      container('lone', { isOfDecnet: true }),
      serviceOf('cut', 'http', { network: 'cut off' }),
      serviceOf('odd', 'ssh', { name: 'odd; reboot\u001b[2J' }),
    );
    await run();
    assert.deepEqual(
      (await view()).undeclared.map(({ name, kind, containers, remove }) => [name, kind, containers, remove]),
      [
        ['cut', 'leftover', ['cut-http'], 'docker rm -f cut-http'],
        ['odd', 'running', ['odd; reboot\ufffd[2J'], null],
        ['lone', 'leftover', ['lone'], 'docker rm -f lone'],
        ['ghost', 'running', ['ghost', 'ghost-ssh'], 'docker rm -f ghost ghost-ssh'],
      ],
    );
    const answer = (await (await fetch(`${dashboard.url}/api/hosts`)).json()) as { hosts: HostView[] };
    assert.deepEqual(answer.hosts[0]?.undeclared, (await view()).undeclared);

    const [fleet, ofHost, status] = [await page('/'), await page('/hosts/local'), await said('status')];
    assert.match(fleet, /href="\/hosts\/local#undeclared">2 undeclared deckies, 2 leftovers</);
    for (const text of [ofHost, status]) {
      assert.match(text, /docker rm -f ghost ghost-ssh/);
      assert.match(text, /odd; reboot\ufffd\[2J/);
      assert.doesNotMatch(text, /docker rm -f odd/);
      const [undeclared, leftovers] = [text.search(/ghost ghost-ssh/), text.search(/Leftovers/)];
      assert.ok(undeclared < leftovers && leftovers < text.search(/rm -f cut-http/), text);
    }
    assert.match(await said('hosts'), /2 undeclared deckies; 2 leftovers/);
    const [verdict, text] = await doctor();
    assert.equal(verdict, 'note');
    assert.match(
      text ?? '',
      /^2 undeclared deckies, 2 leftovers on host local\..*ghost: docker rm -f ghost ghost-ssh/,
    );
    const [figures] = await metricsSource(it.database.query, 30).hosts();
    assert.deepEqual(figures?.undeclared, { running: 2, leftover: 2 });

    it.observed = seen(container('web'), serviceOf('web', 'ssh', { owner: 'web', network: 'shared' }));
    await run();
    assert.deepEqual((await view()).undeclared, []);
    assert.doesNotMatch(await page('/hosts/local'), /undeclared/);
    assert.deepEqual(await doctor(), ['ok', 'the file or the table has every decky of host local']);
  });

  test('a deployment of the fleet, from its message to its end', async () => {
    it.desired = declared(decky('web'), decky('web-02'));
    it.observed = seen();
    await run({ lifecycles: new Map([['web-02', 'running']]) });
    const { deploying } = await view();
    assert.equal(deploying?.of, 'web-02');
    assert.ok(Date.now() - Date.parse(deploying?.since ?? '') < 60_000, deploying?.since);
    for (const path of ['/', '/hosts/local'])
      assert.match(await page(path), /deploying web-02<\/strong> \(began <time/, path);
    assert.match(await said('hosts'), /deploying web-02 \(began \d+ s ago\)/);
    const status = await said('status');
    assert.match(status, /^ {2}deploying web-02 \(began \d+ s ago\)$/m);
    assert.match(status, /web-02 .*pending .*deploying \(DECNET is creating its containers\)$/m);
    assert.equal((await metricsSource(it.database.query, 30).hosts())[0]?.deploying, true);

    await run({ lifecycles: new Map([['web-02', 'failed']]) });
    assert.equal((await view()).deploying, null);
    assert.match(await said('status'), /its deployment failed \(DECNET reported this/);
    assert.doesNotMatch(await page('/'), /deploying/);
    assert.equal((await metricsSource(it.database.query, 30).hosts())[0]?.deploying, false);
  });

  test('deckies that have not run since the file declared them, without any message', async () => {
    const running = (...names: string[]) =>
      seen(
        ...names.map((name) => serviceOf(name, 'ssh', { owner: name, network: 'shared', createdAt: now() })),
      );
    const old = ['old-01', 'old-02', 'old-03'];
    const fresh = ['new-01', 'new-02'];
    it.desired = declaredNow(...old, ...fresh);
    it.observed = running(...old);
    await run();
    assert.equal((await view()).deploying?.of, 'new-01, new-02');
    assert.equal((await metricsSource(it.database.query, 30).hosts())[0]?.deploying, true);

    it.observed = running(...old, ...fresh);
    await run();
    assert.equal((await view()).deploying, null);
  });

  test('of a host whose states are last known no deployment is shown to people', async () => {
    it.desired = declared(decky('web'));
    it.observed = seen();
    await run({ lifecycles: new Map([['web', 'running']]) });
    await it.db.query(`update fleet_hosts set last_full_pass_at = now() - interval '1 hour'`);
    assert.equal((await view()).deploying?.of, 'web');
    assert.doesNotMatch(await page('/'), /deploying web/);
    assert.doesNotMatch(await said('hosts'), /deploying/);
  });

  test('a rotated decky shows which services it has, which the file declares, and since when', async () => {
    it.desired = declared(decky('web', ['http', 'https']));
    const of = (...services: string[]) =>
      seen(
        container('web'),
        ...services.map((service) => serviceOf('web', service, { owner: 'web', network: 'shared' })),
      );
    it.observed = of('http', 'https');
    await run();
    assert.doesNotMatch(await page('/deckies/local/web'), /Its services now/);
    it.observed = of('ssh');
    await run();
    assert.match(
      await page('/deckies/local/web'),
      /Its services now: ssh\. The file declares: http, https\. Rotated <time[^>]*>\d+ s ago.*\n.*Otherwise the file and the row are equal/,
    );
    it.observed = of('http', 'https');
    await run();
    assert.doesNotMatch(await page('/deckies/local/web'), /Its services now/);
  });

  test('a decky whose base was restarted shows what is cut off, and what to run', async () => {
    it.desired = declared(decky('web', ['http', 'ssh']));
    const cutOff = { owner: 'web', network: 'cut off' } as const;
    it.observed = seen(container('web'), serviceOf('web', 'http', cutOff), serviceOf('web', 'ssh', cutOff));
    await run();
    const text = await page('/deckies/local/web');
    assert.match(
      text,
      /<code>web-http<\/code><\/th>\s*<td>http<\/td><td>running[^<]*, cut off from its network/,
    );
    assert.match(text, /<code>docker restart web-http web-ssh<\/code>/);
    assert.doesNotMatch(text, /differs from the row/);

    it.observed = seen(container('web'), serviceOf('web', 'http', { ...cutOff, name: 'a;b' }));
    await run();
    const hostile = await page('/deckies/local/web');
    assert.match(hostile, /<code>a;b<\/code><\/th>\s*<td>http<\/td><td>running[^<]*, cut off/);
    assert.doesNotMatch(hostile, /docker restart a/);
  });

  test('the page of a deploying decky agrees with its row', async () => {
    it.desired = declared(decky('web'));
    it.observed = seen();
    await run({ lifecycles: new Map([['web', 'running']]) });
    const text = await page('/deckies/local/web');
    assert.match(/<h2>Observed[\s\S]*?<\/section>/.exec(text)?.[0] ?? '', / pending<\/span>/);
    assert.doesNotMatch(text, /differs from the row/);
  });
});
