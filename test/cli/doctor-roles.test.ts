import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { decnetBeside } from '../../src/app/decnet-beside.ts';
import { besideFindings } from '../../src/cli/commands/doctor-beside.ts';
import { declaredDecky } from '../harness/host.ts';
import { hostWithStore } from '../harness/host-with-store.ts';
import { jsonHere, runHere } from '../harness/run-here.ts';

interface Examined {
  readonly checks: readonly { part: string; verdict: string; text: string }[];
}

describe('doctor', async () => {
  const { host, env } = await hostWithStore();
  host.write([declaredDecky('web')]);
  const partsFor = async (role: string, more = {}) => {
    const { checks } = await jsonHere<Examined>(['doctor', '--json', '--role', role], { ...env, ...more });
    return [...new Set(checks.map(({ part }) => part))];
  };
  const everywhere = ['configuration', 'database', 'schema', 'rights', 'queues', 'clocks'];

  for (const [role, parts] of [
    ['worker', ['state file', 'Docker', 'ports', 'worker', 'undeclared', 'bus']],
    ['scheduler', ['receivers', 'heartbeat']],
    ['dashboard', ['receivers']],
  ] as const) {
    test(`--role ${role}: only what it needs`, async () => {
      const found = (await partsFor(role)).filter((part) => part !== 'DECNET');
      assert.deepEqual([...found].sort(), [...everywhere, ...parts].sort());
    });
  }

  test('a scheduler needs no Docker, no state file and no password of the dashboard', async () => {
    const poor = {
      ...env,
      DOCKER_HOST: 'ssh://engine',
      DECNET_STATE_FILE: '/none',
      DASHBOARD_USER: 'ops',
    };
    const scheduler = await runHere(['doctor', '--role', 'scheduler'], poor);
    assert.equal(scheduler.code, 0, scheduler.stdout + scheduler.stderr);
    const dashboard = await runHere(['doctor', '--role', 'dashboard'], poor);
    assert.equal(dashboard.code, 1);
    assert.match(
      dashboard.stdout,
      /^FAULT +configuration +DASHBOARD_PASSWORD is not set; set both, or neither$/m,
    );
    assert.equal((await runHere(['doctor', '--role', 'worker'], poor)).code, 2);
  });

  test('without a role: all; an unknown one is an error', async () => {
    const all = await jsonHere<Examined>(['doctor', '--json'], env);
    const parts = all.checks.map(({ part }) => part);
    for (const part of ['Docker', 'heartbeat', 'receivers']) assert.ok(parts.includes(part), part);
    const { code, stderr } = await runHere(['doctor', '--role', 'wroker'], env);
    assert.equal(code, 2);
    assert.match(stderr, /Did you mean worker\?/);
  });

  test('a variable that is not known is a note', async () => {
    const { stdout } = await runHere(['doctor', '--role', 'scheduler'], { ...env, DASHBOARD_USR: 'x' });
    assert.match(stdout, /^note +configuration +DASHBOARD_USR is set, .*did you mean DASHBOARD_USER\?$/m);
    assert.doesNotMatch(stdout, /every setting is valid/);
  });
});

describe('DECNET beside us', () => {
  const root = mkdtempSync(join(tmpdir(), 'decnet-fleet-beside-'));
  after(() => rmSync(root, { recursive: true }));
  const write = (path: string, text = ''): string => {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  };
  const findings = async (directory: string | null = null) =>
    besideFindings(await decnetBeside(directory, root), []);

  test('nothing of it: no line', async () => {
    assert.deepEqual(await findings(), []);
  });

  test('its version is that of its package', async () => {
    write('srv/decnet/venv/lib/python3.12/site-packages/decnet-1.1.0.dist-info/METADATA');
    const elsewhere = join(root, 'srv/decnet');
    assert.deepEqual(await findings(elsewhere), [
      { verdict: 'ok', text: `version 1.1.0 in ${elsewhere}/venv` },
    ]);
    write('opt/slots/b/lib/python3.11/site-packages/decnet-1.2.1.dist-info/METADATA');
    write('opt/slots/b/lib/python3.11/site-packages/decnet_other-7.dist-info/METADATA');
    write('usr/local/bin/decnet', '#!/opt/slots/b/bin/python3\nimport sys\n');
    assert.deepEqual(await findings(elsewhere), [
      { verdict: 'ok', text: `version 1.2.1 in ${root}/opt/slots/b` },
    ]);
  });

  test('its own reconciler is named', () => {
    const beside = { found: null, endangered: [], conflicting: null };
    assert.deepEqual(besideFindings(beside, [{ pid: 7, command: 'decnet supervise batch' }]), [
      { verdict: 'ok', text: 'its own reconciler keeps its own table: decnet supervise batch (process 7)' },
    ]);
  });

  test('units that get in the way are noted, and others are not', async () => {
    const ours = [
      'ExecStart=/usr/bin/node /opt/x/node_modules/decnet-fleet/dist/src/cli/bin.js worker',
      'ExecStart=/usr/local/bin/decnet-fleet worker',
      'ExecStart=/usr/bin/node /srv/fleet/worker.ts --take-over',
    ].map((line, at) => write(`etc/systemd/system/decnet-own${at}.service`, `[Service]\n${line}\n`));
    write(
      'usr/lib/systemd/system/decnet-fleet-heavy.service',
      '[Service]\nExecStart=/opt/decnet/bin/decnet supervise x\n',
    );
    write('etc/systemd/system/fleet-worker.service', 'ExecStart=/usr/local/bin/decnet-fleet worker\n');
    const reconciler = write(
      'etc/systemd/system/decnet-reconciler.service',
      'ExecStart=/opt/decnet/bin/decnet reconcile\n',
    );
    assert.deepEqual(
      await decnetBeside(null, root).then(({ endangered, conflicting }) => [endangered, conflicting]),
      [ours, null],
    );
    write('etc/systemd/system/decnet-supervise-batch.service', 'Conflicts=decnet-reconciler.service\n');
    const notes = (await findings()).filter(({ verdict }) => verdict === 'note').map(({ text }) => text);
    assert.equal(notes.length, 4);
    for (const [at, path] of [...ours, reconciler].entries())
      assert.ok(notes[at]?.startsWith(`${path} `), path);
    assert.match(
      notes.at(-1) ?? '',
      /starting one stops the other.*systemctl disable --now decnet-reconciler/,
    );
  });
});
