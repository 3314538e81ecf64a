import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { QueueBackend } from '../../src/queue/backend.ts';
import { isQueuePaused } from '../../src/queue/pause.ts';
import type { IncidentView } from '../../src/views/incidents.ts';
import type { HostView } from '../../src/views/report.ts';
import { type Env, type Running, start } from '../harness/cli.ts';
import { runningWeb } from '../harness/docker.ts';
import { type FakeEngine, fakeEngine } from '../harness/fake-engine.ts';
import { declaredDecky, type TestHost, testHost } from '../harness/host.ts';
import { openTestQueues } from '../harness/open-queues.ts';
import { jsonHere, runHere } from '../harness/run-here.ts';
import { noStore, stores, type TestStore, testStore } from '../harness/stores.ts';
import { waitFor } from '../harness/wait.ts';

const login = { DASHBOARD_USER: 'operator', DASHBOARD_PASSWORD: 'a long password' };
const authorization = `Basic ${Buffer.from(`${login.DASHBOARD_USER}:${login.DASHBOARD_PASSWORD}`).toString('base64')}`;

for (const kind of stores) {
  describe(`a paused host, queues on ${kind}`, { skip: noStore(kind) }, () => {
    let store: TestStore;
    let host: TestHost;
    let engine: FakeEngine;
    let env: Env;
    let backend: QueueBackend;
    const running: Running[] = [];
    let scheduler: Running;
    let url: string;

    const begin = (args: readonly string[], program?: string): Running => {
      const made = start(args, env, program);
      running.push(made);
      return made;
    };
    const end = async (one: Running): Promise<void> => {
      one.child.kill('SIGKILL');
      await one.finished;
    };
    const said = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await runHere(args, env);
      assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
      return stdout;
    };
    const view = async (): Promise<HostView> =>
      (await jsonHere<{ hosts: HostView[] }>(['hosts', '--json'], env)).hosts[0] ?? assert.fail('no host');
    const passAt = async (): Promise<string> => (await view()).last_pass_at ?? '';
    const aPass = async (): Promise<void> => {
      const before = await passAt();
      await waitFor(async () => (await passAt()) !== before);
    };
    const names = async (): Promise<readonly string[]> =>
      (await store.db.query<{ name: string }>('select name from fleet_deckies order by name')).map(
        ({ name }) => name,
      );
    const openIncidents = async (): Promise<readonly IncidentView[]> =>
      (await jsonHere<{ incidents: IncidentView[] }>(['incidents', '--open', '--json'], env)).incidents;
    const ask = (path: string, options: RequestInit = {}): Promise<Response> =>
      fetch(url + path, { redirect: 'manual', ...options, headers: { authorization, ...options.headers } });
    const page = async (path: string): Promise<string> => (await ask(path)).text();
    const isPaused = (): Promise<boolean> => isQueuePaused(backend, 'local');

    before(async () => {
      store = await testStore(kind);
      host = testHost();
      engine = await fakeEngine([runningWeb]);
      host.write([declaredDecky('web')]);
      env = host.env({
        ...store.env,
        ...login,
        DOCKER_HOST: engine.host,
        DECNET_BUS_ENABLED: 'false',
        DECNET_INTERVAL: '1',
      });
      backend = openTestQueues(store.redisUrl, store.db.url);
      await backend.prepare();
      scheduler = begin([], 'scheduler.ts');
      begin([], 'worker.ts');
      const dashboard = begin(['dashboard', '--port', '0']);
      url = /http:\/\/[^\s/]+/.exec(await dashboard.said(/Press Ctrl-C/))?.[0] ?? '';
      await waitFor(async () => (await names()).length === 1);
    });
    after(async () => {
      await Promise.all(running.map(end));
      await backend.close();
      await engine.stop();
      host.remove();
      await store.drop();
    });

    test('no pass runs and its rows stay, whatever happens on it', async () => {
      const text = await said('pause', 'local', '--for', '2h', '--why', 'new kernel', '--who', 'ops');
      assert.match(
        text,
        /^Host local is paused by ops until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC: new kernel\. .* resume local\n$/,
      );
      assert.ok(await isPaused());
      const before = await passAt();
      host.write([declaredDecky('web'), declaredDecky('mail')]);
      const once = await runHere(['reconcile', '--once', '--timeout', '3'], env);
      assert.equal(once.code, 1);
      assert.match(once.stderr, /The queue of host local is paused: no job ran within 3 s\. .* resume local/);
      assert.deepEqual([await names(), await passAt()], [['web'], before]);
    });

    test('it is shown everywhere, with who and why', async () => {
      await waitFor(async () => (await view()).stale);
      const { paused } = await view();
      assert.deepEqual([paused?.by, paused?.why], ['ops', 'new kernel']);
      const hours = (Date.parse(paused?.until ?? '') - Date.parse(paused?.since ?? '')) / 3600_000;
      assert.ok(Math.abs(hours - 2) < 0.01, String(hours));
      const api = (await (await ask('/api/hosts')).json()) as { hosts: HostView[] };
      assert.deepEqual(api.hosts[0]?.paused, paused);
      const { summary } = await jsonHere<{ summary: Record<string, unknown> }>(['status', '--json'], env);
      assert.deepEqual([summary.paused, summary.stale], [1, 0]);
      const words = /paused by ops until [^:]+:\d\d:\d\d UTC: new kernel/;
      for (const command of ['hosts', 'status']) assert.match(await said(command), words);
      assert.match((await runHere(['doctor'], env)).stdout, /^note +pauses +host local is paused by ops/m);
      for (const path of ['/', '/hosts', '/hosts/local']) {
        const shown = await page(path);
        assert.match(shown, words, path);
        assert.doesNotMatch(shown, /STALE|1 stale|next in/, path);
      }
      assert.match(await page('/hosts/local'), /action="\/hosts\/local\/resume"/);
      const metrics = await page('/metrics');
      assert.match(metrics, /^decnet_fleet_hosts_paused 1$/m);
      assert.match(metrics, /^decnet_fleet_host_paused\{host="local"\} 1$/m);
      // It is on purpose, and nothing is broken.
      assert.equal((await runHere(['status', '--exit-code'], env)).code, 0);
      const wait = await runHere(['wait', '--for', 'fresh', '--timeout', '1'], env);
      assert.equal(wait.code, 4);
      assert.match(wait.stderr, /host local is paused by ops/);
    });

    test('it is an incident of severity info, and no other', async () => {
      await waitFor(async () => (await openIncidents()).some((one) => one.kind === 'queue_paused'));
      const [first, ...more] = await openIncidents();
      assert.deepEqual(more, []);
      assert.deepEqual([first?.kind, first?.severity, first?.hosts], ['queue_paused', 'info', 1]);
      assert.match(first?.cause ?? '', /^Host local is paused by ops until .* UTC: new kernel$/);
      assert.deepEqual(first?.next, { host: null, command: 'decnet-fleet resume local' });
    });

    test('a one-shot job waits, and runs when the host is resumed; then the incident is resolved', async () => {
      const waiting = runHere(['reconcile', '--once', '--timeout', '120'], env);
      const jobs = () => backend.queue('reconcile.local').getJobs(['waiting']);
      await waitFor(async () => (await jobs()).some(({ data }) => data.cause === 'manual'));
      assert.match(await said('resume', 'local'), /^Host local is resumed\. It was paused by ops until/);
      assert.equal((await waiting).code, 0);
      assert.deepEqual(await names(), ['mail', 'web']);
      await waitFor(async () => (await openIncidents()).length === 0);
      assert.equal((await view()).paused, null);
      const { incidents } = await jsonHere<{ incidents: IncidentView[] }>(['incidents', '--json'], env);
      assert.deepEqual(
        incidents.map(({ kind: of, resolution }) => `${of} ${resolution}`),
        ['queue_paused recovered'],
      );
      assert.equal(await said('resume', 'local'), 'Host local is not paused.\n');
    });

    test('when its time is over it is resumed, also by a scheduler that starts later', async () => {
      await said('pause', 'local', '--for', '2h', '--why', 'drill');
      for (const one of running.filter(({ child }) => child.spawnargs.some((arg) => /dashboard/.test(arg))))
        await end(one);
      await end(scheduler);
      await store.db.query(`update fleet_hosts set paused_until = now() - interval '1 s'`);
      assert.ok(await isPaused());
      scheduler = begin([], 'scheduler.ts');
      await waitFor(async () => !(await isPaused()) && (await view()).paused === null);
      await aPass();
      const dashboard = begin(['dashboard', '--port', '0']);
      url = /http:\/\/[^\s/]+/.exec(await dashboard.said(/Press Ctrl-C/))?.[0] ?? '';
    });

    test('a queue that lost its pause is paused again', async () => {
      await said('pause', 'local', '--why', 'moved to another rack');
      assert.match(await said('hosts'), /until it is resumed: moved to another rack/);
      await backend.queue('reconcile.local').resume();
      await waitFor(isPaused);
    });

    test('Bull Board resumes it, too, and the record ends', async () => {
      const answer = await ask('/queues/api/queues/reconcile.local/resume', { method: 'PUT' });
      assert.equal(answer.status, 200);
      assert.equal((await view()).paused, null);
      assert.equal(await isPaused(), false);
      await aPass();
    });

    test('a queue that Bull Board paused is resumed by the command', async () => {
      assert.equal((await ask('/queues/api/queues/reconcile.local/pause', { method: 'PUT' })).status, 200);
      assert.ok(await isPaused());
      assert.match(await said('resume', 'local'), /Its queue was paused without a record of who did it/);
      assert.equal(await isPaused(), false);
    });

    test('the buttons of its page pause and resume it, as who is logged in', async () => {
      const form = (path: string, fields: Record<string, string>, headers = {}): Promise<Response> =>
        ask(path, { method: 'POST', body: new URLSearchParams(fields), headers });
      assert.match(await page('/hosts/local'), /action="\/hosts\/local\/pause"/);
      const asked = { why: 'a <b>drill</b>', hours: '4' };
      const other = await form('/hosts/local/pause', asked, { 'sec-fetch-site': 'cross-site' });
      assert.equal(other.status, 403);
      assert.equal((await form('/hosts/local/pause', { why: ' ', hours: '4' })).status, 400);
      assert.equal((await form('/hosts/local/pause', { why: 'x', hours: '5' })).status, 400);
      assert.equal((await form('/hosts/nobody/pause', asked)).status, 404);
      assert.equal((await view()).paused, null);
      assert.equal((await form('/hosts/local/pause', asked)).status, 303);
      assert.deepEqual(
        [(await view()).paused?.by, (await view()).paused?.why, await isPaused()],
        ['operator', 'a <b>drill</b>', true],
      );
      assert.match(await page('/hosts/local'), /a &lt;b>?(&gt;)?drill/);
      assert.equal((await form('/hosts/local/resume', {})).status, 303);
      assert.deepEqual([(await view()).paused, await isPaused()], [null, false]);
    });
  });
}
