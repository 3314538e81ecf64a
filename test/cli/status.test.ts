import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { headText } from '../../src/cli/status/head.ts';
import { screenOf, table } from '../../src/cli/text.ts';
import { csvText } from '../../src/lib/csv.ts';
import { packageRoot } from '../../src/lib/package.ts';
import { cli, start } from '../harness/cli.ts';
import { hostWithStore } from '../harness/host-with-store.ts';
import { jsonHere, runHere } from '../harness/run-here.ts';
import { addIncidents } from '../harness/sample-incident.ts';
import { noTerminal, onTerminal } from '../harness/terminal.ts';
import { waitFor } from '../harness/wait.ts';

interface Document {
  readonly summary: Readonly<Record<string, unknown>>;
  readonly incidents: readonly { cause: string }[];
  readonly hosts: readonly { host_uuid: string; deckies: readonly { name: string; state: string }[] }[];
}

/** A name that another program wrote: it must neither move the cursor nor be run by a spreadsheet. */
const hostile = '=cmd("\u001b[2J")';

describe('status', async () => {
  const { store, env } = await hostWithStore();
  const put = (
    host: string,
    name: string,
    state: string,
    services: readonly string[],
    error: string | null,
  ) =>
    store.db.query(
      `insert into fleet_deckies (host_uuid, name, decky_ip, services, decky_config, state, last_error, updated_at)
       values ($1, $2, '192.0.2.' || (select count(*) + 9 from fleet_deckies), $3::jsonb, '{}', $4, $5, now())`,
      [host, name, JSON.stringify(services), state, error],
    );
  before(async () => {
    for (const [host, age] of [
      ['alpha', '1 second'],
      ['beta', '1 second'],
      ['gone', '10 minutes'],
    ] as const) {
      await store.db.query(
        `insert into fleet_hosts (host_uuid, interval_s, first_seen_at, last_pass_at, last_full_pass_at, last_observed_at)
         values ($1, 86400, now(), now() - $2::interval, now() - $2::interval, now() - $2::interval)`,
        [host, age],
      );
    }
    await store.db.query(`update fleet_hosts set interval_s = 30 where host_uuid = 'gone'`);
    await put('alpha', 'ok-1', 'running', ['ssh'], null);
    await put('alpha', 'soon', 'pending', ['ssh'], 'deploying');
    await put('beta', 'web', 'failed', ['http', 'https'], 'https: exited, code 137');
    await put('beta', 'mail', 'degraded', ['smtp', 'imap'], 'imap: unhealthy');
    for (let at = 0; at < 30; at += 1) await put('beta', `quiet-${at}`, 'running', ['ssh'], null);
    await put('gone', hostile, 'running', ['ssh'], null);
  });
  const names = async (...args: string[]): Promise<readonly string[]> =>
    (await jsonHere<Document>(['status', '--json', ...args], env)).hosts.flatMap(({ deckies }) =>
      deckies.map(({ name }) => name),
    );

  test('begins with the sums, then the worst host', async () => {
    const { stdout, code } = await cli(['status'], env);
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^35 deckies: 1 failed, 1 degraded, 1 pending, 32 running\n3 hosts: 2 fresh, 1 stale \(gone, 10 min ago\)\n\nbeta - pass/,
    );
    assert.match(stdout, /\n {2}\.\.\. 30 running \(--all shows them\)\n/);
    assert.ok(stdout.indexOf('\nbeta') < stdout.indexOf('\ngone'));
    assert.ok(stdout.indexOf('\ngone') < stdout.indexOf('\nalpha'));
    assert.match((await runHere(['status', '--all'], env)).stdout, /quiet-29/);
  });

  test('shows what a filter chooses, and says what of it is not understood', async () => {
    assert.deepEqual(await names('--filter', 'state:broken host:b*'), ['mail', 'web']);
    assert.deepEqual(await names('--filter', 'exited, code 137'), ['web']);
    assert.deepEqual(await names('--filter', '-service:ssh -state:failed'), ['mail']);
    assert.deepEqual(await names('--filter', 'state:broken', '--service', 'imap'), ['mail']);
    assert.deepEqual(await names('--filter', 'since:1h'), []);
    const { code, stdout, stderr } = await runHere(['status', '--filter', 'stat:failed'], env);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /--filter.*"stat" is not a key\. Did you mean state\? Allowed: state, host/);
  });

  test('lists the open incidents after the sums, at most ten', async () => {
    const open = (count: number) =>
      addIncidents(
        store.db,
        ...Array.from({ length: count }, (_, at) => ({
          id: `i${at + 1}`,
          cause: `ssh: exited with code ${at + 1}`,
          affected: [{ host: 'beta', name: 'web', state: 'failed' }],
        })),
      );
    try {
      await open(1);
      const line = 'WARNING  ssh: exited with code 1 (1 host, 1 decky: beta/web; since 0 s ago)';
      const { stdout } = await runHere(['status'], env);
      assert.equal(stdout.split('\n')[2]?.replace(/since \d+ s/, 'since 0 s'), line);
      const incidents = async (...args: string[]) =>
        (await jsonHere<Document>(['status', '--json', ...args], env)).incidents.map(({ cause }) => cause);
      assert.deepEqual(await incidents(), ['ssh: exited with code 1']);
      assert.deepEqual(await incidents('--host', 'beta'), ['ssh: exited with code 1']);
      assert.deepEqual(await incidents('--host', 'alpha'), []);
      await store.db.query('delete from fleet_incidents');
      await open(12);
      const many = (await runHere(['status'], env)).stdout.split('\n');
      assert.equal(many.filter((text) => text.startsWith('WARNING')).length, 10);
      assert.equal(many[12], 'and 2 more: decnet-fleet incidents');
    } finally {
      await store.db.query('delete from fleet_incidents');
    }
  });

  test('lists what was asked for', async () => {
    assert.deepEqual(await names('--broken'), ['mail', 'web']);
    assert.deepEqual(await names('--state', 'pending,failed'), ['soon', 'web']);
    assert.deepEqual(await names('--state', 'pending', '--state', 'degraded'), ['soon', 'mail']);
    assert.deepEqual(await names('--service', 'imap'), ['mail']);
    assert.deepEqual(await names('--host', 'alpha'), ['ok-1', 'soon']);
    assert.deepEqual((await names('--host', 'alpha,gone')).length, 3);
    assert.deepEqual(await names('--host', 'alpha', '--sort', 'ip'), ['ok-1', 'soon']);
    assert.deepEqual(await names('--host', 'beta', '--broken', '--sort', 'severity'), ['web', 'mail']);
    const { stdout } = await runHere(['status', '--broken'], env);
    assert.match(stdout, /web .*exited, code 137 \(killed\)/);
    assert.match(stdout, /\ngone - .*stale/);
    assert.doesNotMatch(stdout, /quiet|soon|alpha/);
    assert.match(
      (await runHere(['status', '--service', 'none'], env)).stdout,
      /Nothing of what was asked for/,
    );
  });

  test('exits 3 with --exit-code if what is shown is broken', async () => {
    const codeOf = async (...args: string[]) => (await runHere(['status', '--exit-code', ...args], env)).code;
    assert.equal((await cli(['status', '--exit-code'], env)).code, 3);
    assert.equal(await codeOf(), 3);
    assert.equal(await codeOf('--host', 'alpha'), 0);
    assert.equal(await codeOf('--host', 'gone'), 3);
    assert.equal(await codeOf('--host', 'beta', '--state', 'running'), 0);
    assert.equal(await codeOf('--broken', '-o', 'csv'), 3);
    assert.equal((await runHere(['status', '--broken'], env)).code, 0);
  });

  test('JSON and YAML are the same document, which matches its schema', async () => {
    const ajv = new Ajv2020({ allErrors: true });
    const schema = readFileSync(join(packageRoot, 'docs/schemas/status.schema.json'), 'utf8');
    const holds = ajv.compile(JSON.parse(schema));
    const json = await jsonHere<Document>(['status', '-o', 'json', '--broken'], env);
    assert.ok(holds(json), JSON.stringify(holds.errors));
    const { states, ...counts } = json.summary;
    assert.deepEqual(counts, {
      hosts: 3,
      deckies: 35,
      paused: 0,
      stale: 1,
      unreachable: 0,
      never_monitored: 0,
    });
    assert.deepEqual(states, { failed: 1, degraded: 1, pending: 1, running: 32 });
    const yaml = await runHere(['status', '-o', 'yaml', '--broken'], env);
    assert.deepEqual(parse(yaml.stdout), json);
    assert.match(yaml.stdout, /^summary:\n {2}hosts: 3\n/);
  });

  test('CSV is quoted, and no spreadsheet runs a name', async () => {
    const { stdout } = await runHere(
      ['status', '-o', 'csv', '--host', 'beta,gone', '--sort', 'severity'],
      env,
    );
    const lines = stdout.split('\r\n');
    assert.equal(lines[0], 'host,name,ip,services,state,stale,since,last_seen,updated_at,reason');
    assert.match(
      lines[1] ?? '',
      /^beta,web,192\.0\.2\.\d+,http https,failed,false,,,20.*Z,"https: exited, code 137"$/,
    );
    assert.match(stdout, /\r\ngone,"'=cmd\(""\ufffd\[2J""\)",/);
    assert.equal(lines.at(-1), '');
    assert.equal(lines.length, 35);
    for (const begin of ['=', '+', '-', '@', '\t', '\r', ' =', '\uff1d'])
      assert.match(csvText([[`${begin}1`]]), /^"?'/, JSON.stringify(begin));
    assert.equal(csvText([['a', 'b,c', 'd"e', 'f\ng', null, 'x=1']]), 'a,"b,c","d""e","f\ng",,x=1\r\n');
  });

  test('wide: one line for each decky, the worst first', async () => {
    const { stdout } = await runHere(['status', '-o', 'wide'], env);
    const lines = stdout.split('\n');
    assert.match(lines[3] ?? '', /^HOST +NAME +IP +SERVICES +STATE +SINCE +SEEN +REASON$/);
    assert.match(lines[4] ?? '', /^beta +web +\S+ +http https +failed .*exited, code 137 \(killed\)$/);
    assert.equal(lines.filter((line) => /^beta /.test(line)).length, 32);
    assert.match(stdout, /running \(last known\)/);
  });

  test('what does not fit together, and near misses: exit 2', async () => {
    for (const [args, words] of [
      [['--state', 'runing'], /"runing" is not valid\. Did you mean running\? Allowed: pending, running, /],
      [['--sort', 'nmae'], /Did you mean name\? Allowed: severity, name, since, ip/],
      [['-o', 'cvs'], /Did you mean csv\? Allowed: table, wide, json, yaml, csv/],
      [['--brokn'], /unknown option '--brokn'\n\(Did you mean --broken\?\)/],
      [['--json', '-o', 'csv'], /--json cannot be used with -o csv/],
      [['--watch', '--json'], /--watch cannot be used with -o json/],
      [['--watch', '--exit-code'], /--watch cannot be used with --exit-code/],
      [['--watch', '0'], /"0" is not valid/],
      [['--host', ''], /"" is not valid/],
    ] as const) {
      const { code, stdout, stderr } = await runHere(['status', ...args], env);
      assert.deepEqual([code, stdout], [2, ''], args.join(' '));
      assert.match(stderr, words);
    }
  });

  test('--watch shows it again, also in a pipe, and survives an outage', async () => {
    const running = start(['status', '--watch', '1', '--host', 'alpha'], env);
    await running.said(/2 deckies: 1 pending, 1 running/);
    await put('alpha', 'later', 'failed', ['ssh'], 'no container');
    await running.said(/3 deckies: 1 failed/);
    await store.db.query('alter table fleet_deckies rename to away');
    await running.said(/not current, retrying: .*\n\n3 deckies/);
    await store.db.query('alter table away rename to fleet_deckies');
    await store.db.query(`delete from fleet_deckies where name = 'later'`);
    await waitFor(() => / s\n\n2 deckies: 1 pending[^~]*$/.test(running.output().slice(-400)));
    running.child.kill('SIGINT');
    assert.equal((await running.finished).code, 0);
  });

  test('on a terminal: colours, glyphs, and no control character of a name', {
    skip: noTerminal,
  }, async () => {
    const { code, screen } = await onTerminal(['status'], env).finished;
    assert.equal(code, 0);
    assert.match(screen, /1 ␛\[31m✖ failed␛\[39m/);
    assert.match(screen, /=cmd\("\ufffd\[2J"\)/);
    assert.doesNotMatch(screen, /␛\[2J/);
    const plain = (await onTerminal(['status'], { ...env, NO_COLOR: '1' }).finished).screen;
    assert.match(plain, /1 ✖ failed/);
    assert.doesNotMatch(plain, /␛/);
  });

  test('on a narrow terminal no line is longer than it', { skip: noTerminal }, async () => {
    const { screen } = await onTerminal(['status'], { ...env, NO_COLOR: '1' }, { columns: 44 }).finished;
    const long = screen.split(/\r?\n/).filter((line) => line.length > 44 && !/^\w+ · pass/.test(line));
    assert.deepEqual(long, []);
    assert.match(screen, /\n {2}web .*failed/);
  });

  test('--watch redraws a terminal in its place and cuts what does not fit', {
    skip: noTerminal,
  }, async () => {
    const terminal = onTerminal(['status', '--watch', '1', '--all'], env, { rows: 12 });
    await terminal.said(/␛\[H␛\[J[\s\S]*␛\[H␛\[J/);
    const [, frame = ''] = terminal.screen().split('␛[H␛[J');
    assert.ok(frame.trimEnd().split('\n').length <= 11, frame);
    assert.match(frame, /\(\d+ more lines; a filter/);
    terminal.child.stdin?.write('\u0003');
    assert.equal((await terminal.finished).code, 0);
  });
});

describe('the head of status', () => {
  test('names a few hosts, and counts the others', () => {
    const hosts = Array.from({ length: 50 }, (_, at) => ({
      host_uuid: `host-${at}`,
      stale: at < 5,
      first_seen_at: at === 4 ? null : 'x',
      last_full_pass_at: null,
      paused: null,
      docker: at === 9 ? 'unreachable' : 'ok',
      states: { running: 100 },
    }));
    const text = headText(screenOf({}, {}), hosts as never);
    assert.equal(
      text,
      [
        '5,000 deckies: 5,000 running',
        '50 hosts: 45 fresh, 4 stale (host-0, never; host-1, never; host-2, never; 1 more), 1 without Docker (host-9), 1 never monitored (host-4)',
      ].join('\n'),
    );
    assert.equal(headText(screenOf({}, {}), []), '0 deckies\n0 hosts: 0 fresh');
  });
});

describe('a table that is too wide for its screen', () => {
  test('is folded, and no cell is lost', () => {
    const screen = screenOf({ isTTY: true, columns: 40 }, { NO_COLOR: '1' });
    const text = table(
      screen,
      [
        [
          'a-long-name-of-a-decky',
          '192.0.2.7',
          'degraded',
          '2 min ago',
          'ssh: exited, code 137; http: no container here',
        ],
      ],
      '  ',
    );
    assert.deepEqual(text.split('\n'), [
      '  a-long-name-of-a-decky  192.0.2.7',
      '      degraded  2 min ago',
      '      ssh: exited, code 137; http: no',
      '      container here',
    ]);
  });
});
