import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { glob, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { pino } from 'pino';
import { parseConfig } from '../../src/app/config.ts';
import { pagesCheck, queueCheck } from '../../src/app/process-checks.ts';
import { queueName } from '../../src/fleet/job.ts';
import { progressLimits } from '../../src/fleet/progress.ts';
import { packageRoot } from '../../src/lib/package.ts';
import { reportTo } from '../../src/service-manager/notify.ts';
import { type Service, startService } from '../../src/service-manager/service.ts';
import { bare, type Running, start } from '../harness/cli.ts';
import { declaredDecky } from '../harness/host.ts';
import { hostWithStore } from '../harness/host-with-store.ts';
import { openTestQueues } from '../harness/open-queues.ts';
import { noServiceManager, type TestManager, testManager } from '../harness/service-manager.ts';
import { freePort } from '../harness/services.ts';
import { waitFor } from '../harness/wait.ts';

const alive = 'WATCHDOG=1';

test('the service manager is known by its variables', () => {
  const of = (env: Record<string, string>) => parseConfig({ PATH: '/bin', ...env }).serviceManager;
  const socket = '/run/systemd/notify';
  assert.equal(of({ WATCHDOG_USEC: '60000000' }), null);
  const unwatched = { socket, healthFile: null, watchdogMs: null, path: '/bin' };
  assert.deepEqual(of({ NOTIFY_SOCKET: socket }), unwatched);
  const watched = { ...unwatched, watchdogMs: 60_000 };
  assert.deepEqual(of({ DECNET_HEALTH_FILE: '/tmp/x' }), {
    ...unwatched,
    socket: null,
    healthFile: '/tmp/x',
  });
  assert.deepEqual(of({ NOTIFY_SOCKET: socket, WATCHDOG_USEC: '60000000' }), watched);
  const mine = { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '60000000', WATCHDOG_PID: String(process.pid) };
  assert.deepEqual(of(mine), watched);
  // The watchdog of a process that started this one.
  assert.equal(of({ ...mine, WATCHDOG_PID: '1' })?.watchdogMs, null);
  assert.equal(of({ ...mine, WATCHDOG_USEC: 'soon' })?.watchdogMs, null);
});

test('a process without a service manager loads nothing for it', async () => {
  const loading: string[] = [];
  for await (const file of glob('src/**/*.ts', { cwd: packageRoot })) {
    const text = readFileSync(join(packageRoot, file), 'utf8');
    if (file.startsWith('src/service-manager/') || !text.includes('service-manager/')) continue;
    if (/^import (?!type )[^;]*service-manager\//m.test(text)) assert.fail(`${file} imports it at once`);
    if (/import\('[^']*service-manager\//.test(text)) loading.push(file);
  }
  assert.deepEqual(loading, ['src/app/stores.ts']);
  // Without the variables `stores.ts` never comes to it.
  assert.equal(parseConfig({}).serviceManager, null);
});

test('whoever reads the file of the health check never sees a part of it', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-health-'));
  const healthFile = join(directory, 'health');
  const manager = { socket: null, healthFile, watchdogMs: null, path: '' };
  let isWriting = true;
  const writing = (async () => {
    for (let times = 0; times < 500; times++) await reportTo(manager, ['WATCHDOG=1', `STATUS=${times}`]);
    isWriting = false;
  })();
  await waitFor(() => existsSync(healthFile));
  while (isWriting) {
    assert.match(await readFile(healthFile, 'utf8'), /^WATCHDOG=1\nSTATUS=\d+\n$/);
  }
  await writing;
  await reportTo(manager, ['STOPPING=1']);
  assert.deepEqual(readdirSync(directory), []);
  rmSync(directory, { recursive: true });
});

describe('signs of life', { skip: noServiceManager }, () => {
  let manager: TestManager;
  let service: Service;
  let logged: string[];
  let healthFile: string;
  const limits = { runningMs: 400, waitingMs: 400, silentMs: 400 };
  const inOrder = async () => ({});
  before(async () => {
    manager = await testManager();
    healthFile = join(dirname(manager.socket), 'health');
  });
  after(() => manager.close());
  beforeEach(async () => {
    logged = [];
    const log = pino({}, { write: (line: string) => void logged.push(line) });
    const settings = { socket: manager.socket, healthFile, watchdogMs: 150, path: bare.PATH ?? '' };
    service = startService(settings, log, { everyMs: 50, limits });
  });
  afterEach(async () => {
    await service.close();
    manager.clear();
  });
  /** Resolves when several messages came without a sign of life. */
  const isSilent = async (): Promise<void> => {
    await waitFor(() => {
      const last = manager.messages.slice(-4);
      return last.length === 4 && !last.flat().includes(alive);
    });
  };
  const isAlive = async (): Promise<void> => {
    const before = manager.messages.length;
    await waitFor(() => manager.messages.slice(before).filter((one) => one.includes(alive)).length >= 4);
  };

  test('while it starts it asks for more time, and says what it waits for', async () => {
    const ask = service.waitingFor(async () => {
      throw new Error('PostgreSQL at db:5432 does not answer');
    });
    await assert.rejects(ask());
    await manager.says(/^STATUS=Waiting: PostgreSQL at db:5432 does not answer$/);
    await manager.says(/^EXTEND_TIMEOUT_USEC=150000$/);
    assert.ok(!manager.messages.flat().includes(alive));
    assert.ok(!existsSync(healthFile));
    await service.waitingFor(async () => undefined)();
    await manager.says(/^STATUS=Starting$/);
  });

  test('a process that is idle is alive', async () => {
    service.ready('Waiting for the first pass', inOrder);
    await manager.says(/^READY=1$/);
    await manager.says(/^STATUS=Waiting for the first pass$/);
    await isAlive();
    assert.match(readFileSync(healthFile, 'utf8'), /^WATCHDOG=1\nSTATUS=Waiting for the first pass\n$/);
    await service.stopping();
    await manager.says(/^STOPPING=1$/);
    await manager.says(/^STATUS=Stopping$/);
    assert.ok(!existsSync(healthFile));
    assert.deepEqual(logged, []);
  });

  test('one that waits for a store is alive, for longer than each limit', async () => {
    let isAway = true;
    service.ready('Waiting for the first pass', async () => {
      if (isAway) throw new Error('Redis does not answer');
      return {};
    });
    await manager.says(/^STATUS=Waiting: Redis does not answer$/);
    for (let round = 0; round < 5; round++) await isAlive();
    isAway = false;
    await manager.says(/^STATUS=Waiting for the first pass$/);
    assert.deepEqual(logged, []);
  });

  test('one whose pass does not end is not, until it ends', async () => {
    service.ready('Waiting for the first pass', inOrder);
    const pass = Promise.withResolvers<number>();
    const watched = service.watched(
      'pass',
      () => pass.promise,
      (changes) => `${changes} changes`,
    );
    await isSilent();
    // The health check of a container sees the same: the file is not written again.
    rmSync(healthFile);
    await isSilent();
    assert.ok(!existsSync(healthFile));
    await waitFor(() => logged.some((line) => line.includes('the work in progress does not end')));
    pass.resolve(3);
    assert.equal(await watched, 3);
    await manager.says(/^STATUS=Last pass \d\d:\d\d:\d\d UTC: 3 changes$/);
    await isAlive();
  });

  test('passes that fail are progress, and the status has one line of the reason', async () => {
    service.ready('Waiting for the first pass', inOrder);
    const fails = service.watched('pass', () => Promise.reject(new Error('one\ntwo')), String);
    await assert.rejects(fails);
    await manager.says(/^STATUS=Last pass \d\d:\d\d:\d\d UTC failed: one.*two$/);
    await isAlive();
  });

  for (const [what, finding] of [
    ['that takes no jobs', { waits: true }],
    ['whose pages do not answer', { silent: true }],
  ] as const)
    test(`one ${what} is not alive, until it does again`, async () => {
      let now: object = finding;
      service.ready('Ready', async () => now);
      await isSilent();
      now = {};
      await isAlive();
    });

  test('a check that never returns is no progress', async () => {
    service.ready('Ready', () => new Promise(() => undefined));
    await manager.says(/^READY=1$/);
    assert.ok(!manager.messages.flat().includes(alive));
  });
});

test('a missing systemd-notify is logged once', async () => {
  const logged: string[] = [];
  const log = pino({}, { write: (line: string) => void logged.push(line) });
  const settings = { socket: '/nonexistent', healthFile: null, watchdogMs: 60, path: '/nonexistent' };
  const service = startService(settings, log, { everyMs: 20, limits: progressLimits });
  await waitFor(() => logged.length > 0);
  await service.stopping();
  assert.equal(logged.length, 1);
  assert.match(logged[0] ?? '', /the service manager cannot be notified; retrying/);
});

describe('the processes of the units', { skip: noServiceManager }, async () => {
  const { host, env } = await hostWithStore({ DECNET_BUS_ENABLED: 'false', DECNET_INTERVAL: '1' });
  host.write([declaredDecky('web')]);
  let manager: TestManager;
  let running: Running | null = null;
  before(async () => {
    manager = await testManager();
  });
  after(() => manager.close());
  afterEach(async () => {
    running?.child.kill('SIGKILL');
    await running?.finished;
    manager.clear();
  });
  const started = (args: readonly string[], more: Record<string, string> = {}): Running => {
    running = start(args, { ...env, NOTIFY_SOCKET: manager.socket, WATCHDOG_USEC: '600000', ...more });
    return running;
  };

  test('a worker is ready when it consumes its queue, and reports its passes', async () => {
    const worker = started(['worker']);
    await manager.says(/^READY=1$/);
    await manager.says(/^WATCHDOG=1$/);
    await manager.says(/^STATUS=Last pass .* UTC: .*Docker does not answer/);
    worker.child.kill('SIGTERM');
    await manager.says(/^STOPPING=1$/);
    assert.equal((await worker.finished).code, 0);
  });

  test('a worker whose event loop stands still gives no sign of life', async () => {
    const worker = started(['worker']);
    await manager.says(/^WATCHDOG=1$/);
    worker.child.kill('SIGSTOP');
    // What it sent before is read meanwhile.
    let before = -1;
    await waitFor(async () => {
      const now = manager.messages.length;
      const isQuiet = now === before;
      before = now;
      await new Promise((done) => setTimeout(done, 1200));
      return isQuiet;
    });
    worker.child.kill('SIGCONT');
    const seen = manager.messages.length;
    await waitFor(() => manager.messages.slice(seen).flat().includes(alive));
  });

  test('a worker without its store starts slowly, and says why', async () => {
    started(['worker'], { DATABASE_URL: `postgres://127.0.0.1:${await freePort()}/none`, REDIS_URL: '' });
    await manager.says(/^STATUS=Waiting: .*127\.0\.0\.1:\d+/);
    await manager.says(/^EXTEND_TIMEOUT_USEC=600000$/);
    assert.ok(!manager.messages.flat().includes('READY=1'));
  });

  test('a scheduler reports its rounds', async () => {
    started(['scheduler'], { DECNET_HOSTS: 'local' });
    await manager.says(/^READY=1$/);
    await manager.says(/^STATUS=Last round .* UTC: \d+ jobs? enqueued, \d+ hosts? known$/);
    await manager.says(/^WATCHDOG=1$/);
  });

  test('a dashboard is alive while its pages answer', async () => {
    started(['dashboard', '--port', '0']);
    await manager.says(/^READY=1$/);
    await manager.says(/^STATUS=Serving http:/);
    await manager.says(/^WATCHDOG=1$/);
  });

  test('jobs that no worker takes are seen, and those of a paused queue are not missed', async () => {
    const backend = openTestQueues(null, env.DATABASE_URL ?? '');
    try {
      const queue = backend.queue(queueName('alone'));
      const look = queueCheck(backend, queueName('alone'));
      assert.deepEqual(await look(), { waits: false });
      await queue.add('reconcile', {});
      assert.deepEqual(await look(), { waits: true });
      await queue.pause();
      assert.deepEqual(await look(), { waits: false });
    } finally {
      await backend.close();
    }
  });

  test('pages that do not answer are seen', async () =>
    assert.deepEqual(await pagesCheck(`http://127.0.0.1:${await freePort()}`)(), { silent: true }));
});
