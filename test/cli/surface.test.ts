import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { packageRoot, version } from '../../src/lib/package.ts';
import { cli, start } from '../harness/cli.ts';
import { engineOf } from '../harness/fake-engine.ts';
import { declaredDecky } from '../harness/host.ts';
import { hostWithStore } from '../harness/host-with-store.ts';
import { jsonHere, runHere } from '../harness/run-here.ts';
import { freePort } from '../harness/services.ts';

const commands = [
  'up',
  'migrate',
  'reconcile',
  'plan',
  'status',
  'hosts',
  'incidents',
  'ack',
  'unack',
  'silence',
  'silences',
  'unsilence',
  'history',
  'wait',
  'explain',
  'pause',
  'resume',
  'stop',
  'forget',
  'grant',
  'worker',
  'scheduler',
  'dashboard',
  'hash-password',
  'build',
  'check',
  'config',
  'doctor',
  'notify',
  'dump',
  'restore',
  'completion',
];

describe('the command line', async () => {
  const { store, host, env } = await hostWithStore();
  before(async () => {
    host.write([declaredDecky('web'), declaredDecky('mail', ['smtp_relay'])]);
    await runHere(['reconcile', '--once'], env);
  });

  test('prints help and its version', async () => {
    const help = await cli(['--help'], {});
    assert.equal(help.code, 0);
    for (const command of commands) assert.match(help.stdout, new RegExp(`^ {2}${command}\\b`, 'm'));
    assert.match(help.stdout, /Examples:/);
    assert.equal((await cli(['--version'], {})).stdout, `${version}\n`);
    for (const command of commands) {
      const one = await runHere([command, '--help'], {});
      assert.deepEqual([one.code, one.stderr], [0, ''], command);
      assert.match(one.stdout, /Usage: decnet-fleet/);
    }
  });

  for (const [args, words] of [
    [['nonsense'], /unknown command 'nonsense'/],
    [['reconcile', '--nonsense'], /unknown option '--nonsense'/],
    [
      ['reconcile', '--once', '--timeout', 'soon'],
      /"soon" is not valid\. Allowed: a whole number of seconds/,
    ],
    [['reconcile', '--once', '--host', 'a/b'], /"a\/b" is not valid/],
    [['reconcile', '--once', '--interval', '5'], /--interval cannot be used with --once/],
    [['reconcile', '--json'], /--json requires --once/],
    [['reconcile', '--once', '--host', 'peer', '--take-over'], /--take-over cannot be used with/],
    [['history', '--since', 'yesterday'], /--since "yesterday" is not a time/],
    [['incidents', '--open', '--since', '1h'], /--open cannot be used with --since/],
    [['pause', 'local'], /required option '--why <text>' not specified/],
    [['pause', '--why', 'drill'], /missing required argument 'host'/],
    [['pause', 'local', '--why', ' '], /Say why: the text is empty/],
    [['pause', 'local', '--why', 'x', '--for', 'soon'], /"soon" is not valid\. Allowed: a time such as 90s/],
    [['pause', 'local', '--why', 'x', '--until', '2020-01-01'], /"2020-01-01" is not in the future/],
    [
      ['pause', 'local', '--why', 'x', '--for', '1h', '--until', '2999-01-01'],
      /--for cannot be used with --until/,
    ],
    [['silence', '--for', '2h', '--why', 'x'], /silence takes one of --host, --decky, --cause and --all/],
    [
      ['silence', '--all', '--cause', 'host_stale', '--for', '2h', '--why', 'x'],
      /silence takes one of --host/,
    ],
    [['silence', '--all', '--why', 'x'], /silence takes one of --for and --until\. A silence always ends/],
    [['silence', '--all', '--for', '2h'], /required option '--why <text>' not specified/],
    [['silence', '--all', '--for', '2h', '--why', ' '], /Say why: the text is empty/],
    [
      ['silence', '--all', '--for', 'soon', '--why', 'x'],
      /"soon" is not valid\. Allowed: a time such as 90s/,
    ],
    [
      ['silence', '--all', '--until', '2020-01-01T00:00Z', '--why', 'x'],
      /"2020-01-01T00:00Z" is not in the future/,
    ],
    [
      ['silence', '--all', '--for', '2h', '--every', 'mno 10:00-11:00', '--why', 'x'],
      /"mno" is not a day\. Did you mean mon\?/,
    ],
    [
      ['silence', '--cause', 'host_stal', '--for', '2h', '--why', 'x'],
      /"host_stal" is not valid\. Did you mean host_stale\?/,
    ],
    [
      ['silence', '--decky', 'web', '--for', '2h', '--why', 'x'],
      /--decky "web" is not valid\. Allowed: the host/,
    ],
    [['unsilence', 'all'], /"all" is not valid\. Allowed: a whole number/],
    [['status', 'extra'], /too many arguments/],
    [['notify', 'tset'], /'tset' is invalid for argument 'action'\. Allowed choices are test/],
    [['notify', 'test'], /No receiver of notifications is configured\. Set DECNET_NOTIFY/],
    [
      ['explain', 'runing'],
      /"runing" is not a state[^?]*\. Did you mean running\? `decnet-fleet explain` lists all/,
    ],
  ] as const) {
    test(`${args.join(' ')}: exit 2`, async () => {
      const { code, stdout, stderr } = await (args[0] === 'nonsense' ? cli : runHere)(args, env);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, words);
      assert.doesNotMatch(stderr, /\n {4}at /);
    });
  }

  test('wrong usage of plan: exit 1, since 2 means changes', async () => {
    assert.equal((await runHere(['plan', '--nonsense'], env)).code, 1);
    assert.equal((await runHere(['plan'], { ...env, DECNET_GRACE: 'x' })).code, 1);
  });

  test('an invalid environment variable: exit 2 with its name', async () => {
    for (const program of ['worker.ts', 'scheduler.ts', 'src/cli/bin.ts']) {
      const args = program === 'src/cli/bin.ts' ? ['status'] : [];
      const { code, stdout, stderr } = await start(args, { ...env, DECNET_INTERVAL: 'often' }, program)
        .finished;
      assert.deepEqual([code, stdout], [2, ''], program);
      assert.equal(
        stderr,
        'decnet-fleet: DECNET_INTERVAL is "often"; allowed: a whole number from 1 to 86400\n',
      );
    }
    const unknown = await start(['--nonsense'], env, 'worker.ts').finished;
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /^decnet-fleet: Unknown option '--nonsense'/);
  });

  test('an invalid engine address: exit 2', async () => {
    const { code, stderr } = await cli(['reconcile', '--once'], { ...env, DOCKER_HOST: '/run/docker.sock' });
    assert.equal(code, 2);
    assert.match(stderr, /DOCKER_HOST "\/run\/docker\.sock" has no host\. Allowed: unix:/);
  });

  test('an engine behind SSH: exit 2 and one line with advice, for all commands that need Docker', async () => {
    const behindSsh = { ...env, DOCKER_HOST: 'ssh://me@example' };
    const line =
      /^decnet-fleet: DOCKER_HOST "ssh:\/\/me@example" is an engine behind SSH, which is not supported\. Forward its socket with `ssh -N -L [^\n]*\n$/;
    for (const args of [['reconcile', '--once'], ['reconcile', '--interval', '30'], ['up'], ['doctor']]) {
      // Those that run until they are stopped need a process.
      const run = args.includes('up') || args.includes('--interval') ? cli : runHere;
      const { code, stdout, stderr } = await run(args, behindSsh);
      assert.deepEqual([code, stdout], [2, ''], `${args.join(' ')}: ${stderr}`);
      assert.match(stderr, line, args.join(' '));
    }
    const worker = await start([], behindSsh, 'worker.ts').finished;
    assert.equal(worker.code, 2, worker.stderr);
    assert.match(worker.stderr, line);
    // For `plan`, exit code 2 means changes.
    const plan = await runHere(['plan'], behindSsh);
    assert.equal(plan.code, 1);
    assert.match(plan.stderr, line);
    assert.equal((await runHere(['status'], behindSsh)).code, 0);
  });

  test('no state file: exit 2 with both default paths', async () => {
    const { code, stderr } = await runHere(['reconcile', '--once'], { ...env, DECNET_STATE_FILE: '' });
    assert.equal(code, 2);
    assert.match(
      stderr,
      /neither \/opt\/decnet\/decnet-state\.json nor \/var\/lib\/decnet\/decnet-state\.json/,
    );
  });

  for (const [what, more, words] of [
    [
      'nothing listens',
      { DATABASE_URL: 'postgres://me:secret@127.0.0.1:1/x' },
      /The database 127\.0\.0\.1:1\/x does not answer/,
    ],
    [
      'an unknown host',
      { DATABASE_URL: 'postgres://me:secret@nowhere.invalid/x' },
      /The database nowhere\.invalid:5432\/x does not answer/,
    ],
  ] as const) {
    test(`the database is down (${what}): a clear error, no password, no stack`, async () => {
      for (const args of [['status'], ['migrate'], ['reconcile', '--once', '--json']]) {
        const { code, stdout, stderr } = await runHere(args, { ...env, ...more });
        assert.deepEqual([code, stdout], [1, ''], args.join(' '));
        assert.match(stderr, args[0] === 'reconcile' ? /do(es)? not answer/ : words);
        assert.doesNotMatch(stderr, /secret|\n {4}at /);
      }
    });
  }

  test('a database that refuses the login: a clear error', async () => {
    const url = new URL(store.db.url);
    url.password = 'wrong-secret';
    const { code, stderr } = await runHere(['status'], { ...env, DATABASE_URL: url.href });
    assert.equal(code, 1);
    assert.match(stderr, /refuses the connection: password authentication failed/);
    assert.doesNotMatch(stderr, /wrong-secret/);
  });

  test('Redis is down: a clear error within its time limit', async () => {
    const url = `redis://me:secret@127.0.0.1:${await freePort()}`;
    const { code, stdout, stderr } = await cli(['reconcile', '--once', '--json'], { ...env, REDIS_URL: url });
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /The queues at redis:\/\/127\.0\.0\.1:\d+\/0 do not answer/);
    assert.doesNotMatch(stderr, /secret|\n {4}at /);
  });

  test('a database without the tables: what to do', async () => {
    const empty = await import('../harness/database.ts').then(({ testDatabase }) =>
      testDatabase({ migrated: false }),
    );
    for (const args of [['status'], ['reconcile', '--once']]) {
      const { code, stderr } = await runHere(args, { ...env, DATABASE_URL: empty.url });
      assert.equal(code, 1);
      assert.match(stderr, /have the tables of this version\. Run `decnet-fleet migrate`/, args.join(' '));
    }
    const check = await runHere(['migrate', '--check'], { ...env, DATABASE_URL: empty.url });
    assert.deepEqual(
      [check.code, /Pending migrations: 001-fleet-tables, 002-granted-hosts/.test(check.stderr)],
      [1, true],
    );
    const twice = await Promise.all([1, 2].map(() => cli(['migrate'], { ...env, DATABASE_URL: empty.url })));
    assert.deepEqual(
      twice.map(({ code }) => code),
      [0, 0],
    );
    assert.equal((await runHere(['migrate', '--check'], { ...env, DATABASE_URL: empty.url })).code, 0);
    await empty.drop();
  });

  test('JSON output matches docs/schemas', async () => {
    const ajv = new Ajv2020({ allErrors: true });
    for (const [name, args] of Object.entries({
      status: ['status', '--json'],
      hosts: ['hosts', '--json'],
      history: ['history', '--json'],
      incidents: ['incidents', '--json'],
      silences: ['silences', '--json'],
      plan: ['plan', '--json'],
      result: ['reconcile', '--once', '--json'],
      'result ': ['reconcile', '--once', '--json', '--dry-run'],
      config: ['config', '--json'],
      doctor: ['doctor', '--json'],
      notify: ['notify', 'test', '--json'],
    })) {
      const schema = JSON.parse(
        readFileSync(join(packageRoot, 'docs/schemas', `${name.trim()}.schema.json`), 'utf8'),
      );
      const holds = ajv.compile(schema);
      const document = await jsonHere(args, { DECNET_NOTIFY: 'http://127.0.0.1:1/', ...env });
      assert.ok(
        holds(document),
        `${args.join(' ')}: ${JSON.stringify(holds.errors)}\n${JSON.stringify(document)}`,
      );
      ajv.removeSchema();
    }
  });

  test('status shows the fleet, broken deckies first, and stale hosts', async () => {
    await store.db.query(
      `update fleet_deckies set state = 'failed', last_error = 'smtp_relay: exited, code 137' where name = 'mail'`,
    );
    const { stdout } = await runHere(['status'], env);
    assert.match(
      stdout,
      /^2 deckies: 1 failed, 1 pending\n1 host: 1 fresh, 1 without Docker \(local\)\n\nlocal - pass \d+ s ago - Docker unreachable - 1 failed, 1 pending/,
    );
    assert.match(stdout, /mail .*failed .*smtp_relay: exited, code 137 \(killed\)\n.*web .*pending/);
    await store.db.query(
      `update fleet_hosts set interval_s = 30, last_full_pass_at = now() - interval '4 minutes'`,
    );
    assert.match(
      (await runHere(['status'], env)).stdout,
      /pass 4 min ago, 8 intervals: stale .*\(last known\)/,
    );
    assert.match((await runHere(['hosts'], env)).stdout, /local +4 min ago, 8 intervals: stale/);
    await store.db.query('update fleet_hosts set last_full_pass_at = now()');
  });

  test('history shows changes and reasons, of one decky and since a time', async () => {
    const of = async (...args: string[]) =>
      (
        await jsonHere<{ transitions: { name: string; to_state: string }[] }>(
          ['history', '--json', ...args],
          env,
        )
      ).transitions;
    assert.equal((await of()).length, 2);
    assert.deepEqual(
      (await of('--decky', 'web')).map(({ name, to_state }) => [name, to_state]),
      [['web', 'pending']],
    );
    await store.db.query(`update fleet_transitions set at = now() - interval '2 hours' where name = 'web'`);
    assert.deepEqual(
      (await of('--since', '1h')).map(({ name }) => name),
      ['mail'],
    );
    assert.equal((await of('--since', '2020-01-01')).length, 2);
    assert.match(
      (await runHere(['history'], env)).stdout,
      /2 h ago +local +web +nothing -> pending +new in the file; Docker does not answer/,
    );
  });

  test('doctor finds the fault, prints advice, and exits 1', async () => {
    const { code, stdout } = await runHere(['doctor'], env);
    assert.equal(code, 1);
    assert.match(stdout, /^ok +configuration/m);
    assert.match(stdout, /^ok +state file .*2 deckies of host local/m);
    assert.match(stdout, /^FAULT +Docker +there is no socket at .*Start it, set DOCKER_HOST/m);
    assert.match(stdout, /^ok +database/m);
    assert.match(stdout, /^ok +schema/m);
    assert.match(stdout, /^ok +queues .*room for about \d+ more workers/m);
  });

  test('doctor notes what a socket proxy refuses, while passes work', async () => {
    // The header has a precision of one second.
    const twoHoursAhead = (response: ServerResponse): void =>
      void response.setHeader('date', new Date(Date.now() + 2.5 * 3600_000).toUTCString());
    const engine = await engineOf((request, response) => {
      const url = request.url ?? '';
      if (url.startsWith('/containers/json')) response.end('[]');
      else if (url.startsWith('/_ping')) {
        twoHoursAhead(response);
        response.end('OK');
      } else response.writeHead(403, { 'content-type': 'text/html' }).end('<h1>403 Forbidden</h1>');
    });
    try {
      const proxied = { ...env, DOCKER_HOST: engine.host };
      const { stdout } = await runHere(['doctor'], proxied);
      assert.match(
        stdout,
        /^note +Docker +unix:.*: 0 containers; .*GET \/info.*403.*Passes work without it,.*version.*INFO=1$/m,
      );
      assert.match(stdout, /^FAULT +clocks .*the clock of Docker is 2 h ahead/m);
      const pass = await runHere(['reconcile', '--once', '--json'], proxied);
      assert.equal(JSON.parse(pass.stdout).docker, 'ok', pass.stderr);
    } finally {
      await engine.stop();
    }
  });

  test('a reader that goes away is not an error', async () => {
    const { execFileSync } = await import('node:child_process');
    const line = `${process.execPath} ${join(packageRoot, 'src/cli/bin.ts')} --help | head -1`;
    assert.match(
      execFileSync('sh', ['-c', line], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }),
      /^Usage/,
    );
  });
});
