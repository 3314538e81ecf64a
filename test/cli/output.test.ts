import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { packageRoot } from '../../src/lib/package.ts';
import { bare, cli, compileCache, start } from '../harness/cli.ts';
import { declaredDecky } from '../harness/host.ts';
import { hostWithStore } from '../harness/host-with-store.ts';
import { addIncidents } from '../harness/sample-incident.ts';
import { waitFor } from '../harness/wait.ts';

const flags = ['--subnet', '10.0.0.0/24', '--gateway', '10.0.0.1', '--host-ip', '10.0.0.2', '--seed', '7'];
const built = ['build', '--count', '20', '--services', 'ssh', ...flags];

/** Each command that ends by itself, with arguments that make it print something. */
const prints: readonly (readonly string[])[] = [
  ['--help'],
  ['--version'],
  ['migrate'],
  ['reconcile', '--once'],
  ['reconcile', '--once', '--json'],
  ['plan'],
  ['plan', '--json'],
  ['status'],
  ['status', '--json'],
  ['hosts'],
  ['hosts', '--json'],
  ['incidents'],
  ['incidents', '--json'],
  ['ack', 'i1', '--why', 'x'],
  ['unack', 'i1'],
  ['silence', '--all', '--for', '2h', '--why', 'x'],
  ['silences'],
  ['silences', '--json'],
  ['unsilence', '1'],
  ['history'],
  ['history', '--json'],
  ['wait', '--for', 'fresh', '--timeout', '1'],
  ['explain'],
  ['explain', '137'],
  ['completion', 'bash'],
  ['pause', 'local', '--why', 'drill'],
  ['resume', 'local'],
  ['stop', '--host', 'local'],
  ['grant', '--host', 'local'],
  ['grant', '--master', 'grafana'],
  ['grant', '--host', 'local', '--revoke'],
  built,
  [...built, '--json'],
  ['check', 'STATE_FILE'],
  ['config'],
  ['config', '--json'],
  ['doctor'],
  ['doctor', '--json'],
  ['hash-password'],
  ['notify', 'test'],
  ['notify', 'test', '--json'],
  ['forget', '--host', 'gone', '--yes'],
  ['dump'],
  ['restore', 'DUMP'],
];
const endless = ['up', 'worker', 'scheduler', 'dashboard'];

const unlimited = 'unlimited';

const complaint = /^decnet-fleet: standard output cannot be written: (ENOSPC|EFBIG): [^\n]*$/m;

describe('a standard output that takes no more', async () => {
  const { store, host, env } = await hostWithStore();
  const dump = join(host.directory, 'fleet.dump');
  const password = join(host.directory, 'password');
  before(async () => {
    host.write(Array.from({ length: 9 }, (_, at) => declaredDecky(`decky-${at}`)));
    await cli(['reconcile', '--once'], env);
    await addIncidents(store.db, { id: 'i1' });
    writeFileSync(dump, (await cli(['dump'], env)).stdout);
    writeFileSync(password, 'a long password\n');
  });

  /** @param blocks the maximum size of a file in blocks of 512 bytes */
  const into = async (file: string, args: readonly string[], program: string, blocks = unlimited) => {
    const output = openSync(file, 'w');
    const input = openSync(args[0] === 'hash-password' ? password : '/dev/null', 'r');
    const files: Readonly<Record<string, string>> = { STATE_FILE: host.stateFile, DUMP: dump };
    const given = args.map((arg) => files[arg] ?? arg);
    const child = spawn(
      'sh',
      [
        '-c',
        'ulimit -f "$1"; shift; exec "$@"',
        'sh',
        blocks,
        process.execPath,
        join(packageRoot, program),
        ...given,
      ],
      {
        env: {
          ...bare,
          // Node's compile cache would be limited, too.
          ...(blocks === unlimited ? compileCache : { NODE_DISABLE_COMPILE_CACHE: '1' }),
          DECNET_NOTIFY: 'http://127.0.0.1:1/',
          ...env,
        },
        stdio: [input, output, 'pipe'],
      },
    );
    closeSync(output);
    closeSync(input);
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    const code = new Promise<number | null>((done) => child.once('close', done));
    return { child, code, stderr: () => stderr };
  };

  test('the table below has every command', async () => {
    const { stdout } = await cli(['--help'], env);
    const commands = [...stdout.matchAll(/^ {2}([a-z][a-z-]*) /gm)].map(([, name = '']) => name);
    const tried = new Set([...prints.map(([name]) => name), ...endless]);
    assert.ok(commands.length > 10);
    assert.deepEqual(
      commands.filter((name) => name !== 'help' && !tried.has(name)),
      [],
    );
  });

  const noDevice = !existsSync('/dev/full') && 'there is no /dev/full';

  for (const args of prints) {
    test(`${args.join(' ')}, on a full disk: exit 1 with the reason`, { skip: noDevice }, async () => {
      if (args[0] === 'forget')
        await store.db.query(`insert into fleet_hosts (host_uuid, interval_s) values ('gone', 30)`);
      // Its last pass may be long ago.
      if (args[0] === 'wait') await cli(['reconcile', '--once'], env);
      if (args[0] === 'restore') {
        // It needs a database without a fleet, and restores the rows.
        await store.db.query(
          'truncate fleet_hosts, fleet_deckies, fleet_transitions, fleet_gaps, fleet_incidents, fleet_silences, fleet_audit',
        );
      }
      const { code, stderr } = await into('/dev/full', args, 'src/cli/bin.ts');
      assert.equal(await code, 1, stderr());
      assert.match(stderr(), complaint);
      assert.equal(stderr().match(/standard output/g)?.length, 1);
    });
  }

  for (const program of ['worker.ts', 'scheduler.ts']) {
    test(`${program} --help, on a full disk: exit 1 with the reason`, { skip: noDevice }, async () => {
      const { code, stderr } = await into('/dev/full', ['--help'], program);
      assert.equal(await code, 1);
      assert.match(stderr(), complaint);
    });
  }

  for (const args of [built, ['status', '--json'], ['--help']]) {
    test(`${args.join(' ')}, when only a part can be written: exit 1 with the reason`, async () => {
      const file = join(host.directory, 'half');
      const { code, stderr } = await into(file, args, 'src/cli/bin.ts', '1');
      assert.equal(await code, 1);
      assert.match(stderr(), complaint);
      assert.ok(statSync(file).size > 0);
    });
  }

  test('output that fits is complete', async () => {
    const file = join(host.directory, 'whole');
    const { code, stderr } = await into(file, built, 'src/cli/bin.ts');
    assert.deepEqual([await code, stderr()], [0, '']);
    assert.equal(readFileSync(file, 'utf8'), (await cli(built, env)).stdout);
  });

  test('a long-running command continues, and exits 1 when it is stopped', { skip: noDevice }, async () => {
    const { child, code, stderr } = await into('/dev/full', ['dashboard', '--port', '0'], 'src/cli/bin.ts');
    await waitFor(() => complaint.test(stderr()));
    assert.equal(child.exitCode, null);
    child.kill('SIGTERM');
    assert.equal(await code, 1);
    assert.equal(stderr().match(/standard output/g)?.length, 1);
  });

  test('a reader that went away is not an error', async () => {
    for (const args of [built, ['status', '--json'], ['--help']]) {
      const running = start(args, env);
      running.child.stdout?.destroy();
      const { code, stderr } = await running.finished;
      assert.deepEqual([code, stderr], [0, ''], args.join(' '));
    }
  });
});
