import assert from 'node:assert/strict';
import { existsSync, renameSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HostView } from '../../src/views/report.ts';
import { type Env, type Running, start } from '../harness/cli.ts';
import { type TestDatabase, testDatabase } from '../harness/database.ts';
import { playerEngine } from '../harness/decnet-engine.ts';
import { DecnetPlayer, fixtureDeckies } from '../harness/decnet-player.ts';
import { type DecnetDatabase, fixture, sqliteDecnet } from '../harness/decnet-table.ts';
import { type TestHost, testHost } from '../harness/host.ts';
import { fc } from '../harness/property.ts';
import { jsonHere, runHere } from '../harness/run-here.ts';
import { seed } from '../harness/seed.ts';
import { waitFor } from '../harness/wait.ts';

const kills = 50;
/** Five times what is promised. */
const longestWaitMs = 250;

// One after another: each has a worker of its own, on the same tables.
describe('a worker keeps DECNET’s own table', () => {
  let db: TestDatabase;
  let decnet: DecnetDatabase;
  let player: DecnetPlayer;
  let engine: Awaited<ReturnType<typeof playerEngine>>;
  let host: TestHost;
  let env: Env;
  let worker: Running | null = null;

  before(async () => {
    [db, decnet] = await Promise.all([testDatabase(), sqliteDecnet('wal')]);
    player = new DecnetPlayer(decnet, 6);
    for (const decky of fixtureDeckies(fixture('decnet.sqlite'))) {
      player.file.set(decky.name, decky);
      player.start(decky.name);
    }
    engine = await playerEngine(player);
    host = testHost();
    writeFile();
    env = host.env({
      DATABASE_URL: db.url,
      DOCKER_HOST: engine.host,
      DECNET_INTERVAL: '1',
      DECNET_GRACE: '1',
      DECNET_BUS_ENABLED: 'false',
      DECNET_DATABASE_URL: decnet.url,
    });
    assert.equal((await runHere(['migrate'], env)).code, 0);
  });
  after(async () => {
    await end();
    await Promise.all([engine?.stop(), decnet?.remove(), db?.drop()]);
    host?.remove();
  });

  const writeFile = (): void => host.write([...player.file.values()].map(({ config }) => config));
  const begin = (): void => {
    worker = start(['reconcile', '--interval', '1'], env);
  };
  const end = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<string> => {
    worker?.child.kill(signal);
    const done = await worker?.finished;
    worker = null;
    return `${done?.stdout}${done?.stderr}`;
  };
  const hostView = async (): Promise<HostView | undefined> =>
    (await jsonHere<{ hosts: readonly HostView[] }>(['hosts', '--json'], env)).hosts[0];

  /** `name state last_error` of each row. */
  const ours = async (): Promise<readonly string[]> =>
    (
      await db.query<{ row: string }>(
        `select concat_ws(' ', name, state, last_error) as row from fleet_deckies order by name`,
      )
    ).map(({ row }) => row);
  const theirs = async (): Promise<readonly string[]> =>
    [...(await player.rows()).values()]
      .map(({ name, state, last_error: reason }) =>
        [name, state, reason].filter((one) => typeof one === 'string').join(' '),
      )
      .sort();
  const agree = (): Promise<void> =>
    waitFor(async () => {
      const [one, other] = [await ours(), await theirs()];
      assert.deepEqual(other, [...one].sort());
      return one.length > 0;
    }, 60_000);

  test('a decky’s death is in it at once, and every view tells that it is in sync', async () => {
    begin();
    await agree();
    player.engine.get('web-01')?.set('http', 'exited');
    engine.tell('web-01', 'http', 'die');
    await waitFor(async () => (await theirs()).includes('web-01 degraded http: exited, code 1'), 60_000);
    // On a busy machine a write may have been late for a moment.
    await waitFor(async () => {
      const status = await runHere(['status'], env);
      assert.match(status.stdout, /DECNET's table: in sync, (just now|\d+ s ago)/);
      return true;
    }, 60_000);
    await waitFor(async () => (await hostView())?.decnet_table?.failing_since === null, 60_000);
    assert.match((await hostView())?.decnet_table?.synced_at ?? '', /^2\d{3}-/);
    const { stdout } = await runHere(['doctor', '--json'], env);
    const { checks } = JSON.parse(stdout) as {
      checks: readonly { part: string; verdict: string; text: string }[];
    };
    const found = checks.find(({ part }) => part === "DECNET's table");
    assert.equal(found?.verdict, 'ok', found?.text ?? 'no such part');
    assert.match(found?.text ?? '', /decnet\.db: 8 rows of host local, as in the fleet's table$/);
  });

  test('while its file is away passes go on and the fact is reported; then it catches up by itself', async () => {
    const file = decnet.url.replace('sqlite://', '');
    const parts = ['', '-wal', '-shm'].filter((end) => existsSync(file + end));
    for (const part of parts) renameSync(file + part, `${file}-away${part}`);
    player.start('web-01');
    player.engine.get('mail-01')?.set('imap', 'exited');
    engine.tell('mail-01', 'imap', 'die');
    await waitFor(async () => (await ours()).includes('mail-01 degraded imap: exited, code 1'), 60_000);
    await waitFor(async () => (await hostView())?.decnet_table?.failing_since !== null, 60_000);
    const status = await runHere(['status'], env);
    assert.match(status.stdout, /DECNET's table: cannot be written since \d\d:\d\d:\d\d: /);
    const { stdout, code } = await runHere(['doctor', '--json'], env);
    assert.equal(code, 1);
    const { checks } = JSON.parse(stdout) as { checks: readonly { part: string; verdict: string }[] };
    assert.equal(checks.find(({ part }) => part === "DECNET's table")?.verdict, 'fault');
    for (const part of parts) renameSync(`${file}-away${part}`, file + part);
    await agree();
    await waitFor(async () => (await hostView())?.decnet_table?.failing_since === null, 60_000);
    const log = await end();
    assert.match(log, /DECNET's table cannot be written: /);
    assert.match(log, /resolved/);
  });

  test(`${kills} kills lose nothing, and DECNET never waits`, async (t) => {
    const steps = fc.sample(
      fc.record({
        which: fc.nat(7),
        kind: fc.constantFrom('crash', 'start', 'vanish', 'services', 'deploy', 'tear down'),
        pauseMs: fc.integer({ min: 0, max: 1500 }),
      }),
      { numRuns: kills, seed },
    );
    const names = [...player.file.keys()];
    const all = new Map(player.file);
    player.waits.length = 0;
    for (const { which, kind, pauseMs } of steps) {
      begin();
      const name = names[which % names.length] ?? '';
      // Until it works, or a little before.
      await Promise.race([sleep(2500), worker?.said(/pass changed the fleet/).catch(() => undefined)]);
      if (kind === 'deploy') {
        for (const [one, decky] of all) player.file.set(one, decky);
        await player.deploy();
        for (const one of player.file.keys()) player.start(one);
      } else if (kind === 'services') await player.changeServices(name, ['ssh', 'ftp']);
      else if (kind === 'tear down') await player.tearDown(name, true);
      else if (kind === 'vanish') player.engine.delete(name);
      else if (kind === 'start') player.start(name);
      else player.engine.get(name)?.set([...(player.engine.get(name)?.keys() ?? [])][0] ?? 'ssh', 'exited');
      writeFile();
      const state = player.engine.get(name);
      for (const service of state?.keys() ?? []) engine.tell(name, service, 'die');
      await sleep(pauseMs / 5);
      await end('SIGKILL');
    }
    begin();
    await waitFor(async () => {
      const rows = new Map((await ours()).map((row) => [row.split(' ')[0], row]));
      assert.deepEqual([...rows.keys()].sort(), [...player.file.keys()].sort());
      return true;
    }, 60_000);
    await agree();
    const longest = Math.max(...player.waits);
    t.diagnostic(`longest wait of ${player.waits.length} writes of DECNET's: ${longest.toFixed(1)} ms`);
    assert.ok(player.waits.length > 0 && longest <= longestWaitMs, `a write of DECNET's took ${longest} ms`);
    await end();
  });

  test('without the variable nothing is shown, and nothing of DECNET’s is read', async () => {
    const without = { ...env, DECNET_DATABASE_URL: undefined };
    await decnet.run(`update fleet_deckies set state = 'failed' where name = 'db-01'`);
    const { code, stderr } = await runHere(['reconcile', '--once'], without);
    assert.equal(code, 0, stderr);
    assert.equal((await hostView())?.decnet_table, null);
    assert.doesNotMatch((await runHere(['status'], without)).stdout, /DECNET's table/);
    assert.doesNotMatch((await runHere(['doctor', '--json'], without)).stdout, /DECNET's table/);
  });

  test('a plan writes nothing there, and a wrong address is refused without its password', async () => {
    // All run, whatever the kills left, and none within the grace: each of them is a change for the plan.
    for (const name of player.file.keys()) player.start(name);
    await waitFor(async () => {
      await runHere(['reconcile', '--once'], env);
      return (await ours()).every((row) => row.endsWith(' running'));
    }, 60_000);
    assert.ok(player.file.size > 0);
    const before = await decnet.rows();
    player.engine.clear();
    const { code, stdout, stderr } = await runHere(['plan'], env);
    assert.equal(code, 2, stdout + stderr);
    assert.deepEqual(await decnet.rows(), before);
    const wrong = await runHere(['status'], { ...env, DECNET_DATABASE_URL: 'postgres://u:secret@h/d' });
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /DECNET_DATABASE_URL is not an address of SQLite, MySQL or MariaDB/);
    assert.doesNotMatch(wrong.stderr, /secret/);
  });
});
