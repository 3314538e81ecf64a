import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runHere } from '../harness/run-here.ts';

/** Two values of each option that takes one. New options must be added here. */
const values: Readonly<Record<string, readonly [string, string]>> = {
  '--archetype': ['deaddeck', 'linux-server'],
  '--check': ['/nonexistent/a', '/nonexistent/b'],
  '--count': ['2', '3'],
  '--decky': ['web', 'mail'],
  '--for': ['running', 'fresh'],
  '--filter': ['state:failed', 'host:nyc-*'],
  '--gateway': ['10.0.0.1', '10.0.0.254'],
  '--host': ['127.0.0.1', '127.0.0.2'],
  '--host-ip': ['10.0.0.2', '10.0.0.3'],
  '--interface': ['eth0', 'eth1'],
  '--interval': ['30', '60'],
  '--ip-start': ['10.0.0.9', '10.0.0.99'],
  '--limit': ['1', '2'],
  '--master': ['grafana', 'fleet'],
  '--mutate-interval': ['1', '2'],
  '--out': ['/nonexistent/a', '/nonexistent/b'],
  '--output': ['json', 'wide'],
  '--port': ['0', '7071'],
  '--role': ['worker', 'all'],
  '--seed': ['1', '2'],
  '--since': ['1h', '2h'],
  '--sort': ['name', 'ip'],
  '--subnet': ['10.0.0.0/24', '10.0.1.0/24'],
  '--timeout': ['1', '2'],
  '--until': ['2999-01-01', '2999-01-02'],
  '--watch': ['1', '2'],
  '--who': ['ops', 'admin'],
  '--why': ['drill', 'kernel'],
  'config --output': ['json', 'yaml'],
  'pause --for': ['1h', '2h'],
  'silence --for': ['1h', '2h'],
  '--cause': ['host_stale', 'host_down'],
  '--every': ['01:00-02:00', '03:00-04:00'],
};
const lists = [
  'build --reserve',
  'build --services',
  'build --distros',
  'status --host',
  'status --state',
  'status --service',
  'wait --host',
];

/** No store answers, so a command that starts its work soon exits 1. */
const nowhere = { DATABASE_URL: 'postgres://127.0.0.1:1/x', DECNET_STATE_FILE: '/nonexistent/x' };

test('an option with one value that is repeated is an error, in every command', async () => {
  const { stdout } = await runHere(['--help'], {});
  const commands = [...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, name = '']) => name);
  const tried: string[] = [];
  for (const command of commands.filter((name) => name !== 'help')) {
    const help = await runHere([command, '--help'], {});
    for (const [, name = ''] of help.stdout.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+) [<[]/gm)) {
      const what = `${command} ${name}`;
      tried.push(what);
      if (lists.includes(what)) continue;
      const [one, other] = values[what] ?? values[name] ?? assert.fail(`no values of ${what} are known here`);
      for (const args of [
        [name, one, name, other],
        [`${name}=${one}`, name, one],
      ]) {
        const done = await runHere([command, ...args], nowhere);
        assert.deepEqual([done.code, done.stdout], [command === 'plan' ? 1 : 2, ''], what);
        assert.equal(
          done.stderr,
          `decnet-fleet: ${name} is given more than once. It takes one value\n`,
          what,
        );
      }
    }
  }
  assert.ok(tried.length > 25, tried.join(', '));
  for (const list of lists) assert.ok(tried.includes(list), list);
});

test('a repeated list option adds to the list', async () => {
  const built = async (...args: string[]) => {
    const net = ['--subnet', '10.0.0.0/24', '--gateway', '10.0.0.1', '--host-ip', '10.0.0.2', '--seed', '1'];
    const done = await runHere(['build', '--count', '3', ...net, ...args], {});
    assert.equal(done.code, 0, done.stderr);
    return JSON.parse(done.stdout) as { ip: string; services: string[]; distro: string }[];
  };
  const again = await built(
    ...['--reserve', '10.0.0.3', '--reserve', '10.0.0.5,10.0.0.6', '--reserve', '10.0.0.7'],
    ...['--services', 'ssh', '--services', 'http,smb', '--distros', 'debian', '--distros', 'rocky9'],
  );
  assert.deepEqual(
    again.map(({ ip }) => ip),
    ['10.0.0.4', '10.0.0.8', '10.0.0.9'],
  );
  assert.deepEqual(again[0]?.services, ['ssh', 'http', 'smb']);
  const once = ['--reserve', '10.0.0.3,10.0.0.5,10.0.0.6,10.0.0.7', '--services', 'ssh,http,smb'];
  assert.deepEqual(again, await built(...once, '--distros', 'debian,rocky9'));
});

test('a repeated flag has no further effect', async () => {
  const done = await runHere(['status', '--json', '--json'], nowhere);
  assert.equal(done.code, 1, done.stderr);
  assert.match(done.stderr, /does not answer/);
});
