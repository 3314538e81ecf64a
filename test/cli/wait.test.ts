import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { type Goal, listOf, missingFor } from '../../src/cli/status/goals.ts';
import type { HostStatus } from '../../src/cli/status/selection.ts';
import { cli, start } from '../harness/cli.ts';
import { hostWithStore } from '../harness/host-with-store.ts';
import { noTerminal, onTerminal } from '../harness/terminal.ts';

const decky = (name: string, state: string, last_error: string | null = null) => ({
  name,
  state,
  last_error,
});

const host = (name: string, more: object = {}): HostStatus =>
  ({
    host_uuid: name,
    first_seen_at: 'x',
    stale: false,
    paused: null,
    docker: 'ok',
    last_error: null,
    deploying: null,
    held: [],
    contested: [],
    deckies: [decky('web', 'running'), decky('mail', 'running')],
    ...more,
  }) as never;

describe('what is missing for a goal', () => {
  const broken = [decky('web', 'running'), decky('mail', 'failed', 'no container')];
  const moving = [decky('web', 'running'), decky('mail', 'pending', 'deploying')];
  const note = [{ name: 'web', reason: 'why' }];
  for (const [what, found, asked, missing] of [
    ['all is well', [host('a')], {}, { fresh: [], running: [], converged: [] }],
    [
      'no host',
      [],
      {},
      {
        fresh: ['no host is monitored yet'],
        running: ['no host is monitored yet'],
        converged: ['no host is monitored yet'],
      },
    ],
    [
      'a broken decky',
      [host('a', { deckies: broken })],
      {},
      { fresh: [], running: ['mail on host a is failed (no container)'], converged: [] },
    ],
    [
      'a deployment',
      [host('a', { deckies: moving, deploying: { of: 'mail' } })],
      {},
      {
        fresh: [],
        running: ['mail on host a is pending (deploying)'],
        converged: ['host a deploys mail', 'mail on host a is pending'],
      },
    ],
    [
      'only the other decky is asked for',
      [host('a', { deckies: moving })],
      { deckies: ['web'] },
      { fresh: [], running: [], converged: [] },
    ],
    [
      'a stale host',
      [host('a', { stale: true }), host('b')],
      {},
      { fresh: ['host a is stale'], running: ['host a is stale'], converged: ['host a is stale'] },
    ],
    [
      'the stale host is not asked for',
      [host('a', { stale: true }), host('b')],
      { hosts: ['b'] },
      { fresh: [], running: [], converged: [] },
    ],
    [
      'Docker does not answer',
      [host('a', { docker: 'unreachable' })],
      {},
      {
        fresh: [],
        running: ['Docker of host a does not answer'],
        converged: ['Docker of host a does not answer'],
      },
    ],
    [
      'the file is invalid, a row is held and one is contested',
      [host('a', { last_error: 'bad', held: note, contested: note })],
      {},
      {
        fresh: [],
        running: [],
        converged: [
          'the last pass of host a failed: bad',
          'web on host a is held: why',
          'web on host a is contested',
        ],
      },
    ],
    [
      'a host that no worker monitors does not count unless it is asked for',
      [host('a'), host('b', { first_seen_at: null, stale: true })],
      {},
      { fresh: [], running: [], converged: [] },
    ],
    [
      'and if it is',
      [host('a'), host('b', { first_seen_at: null, stale: true })],
      { hosts: ['b'] },
      {
        fresh: ['no worker has ever monitored host b'],
        running: ['no worker has ever monitored host b'],
        converged: ['no worker has ever monitored host b'],
      },
    ],
    [
      'unknown names',
      [host('a')],
      { hosts: ['a', 'z'], deckies: ['nope'] },
      {
        fresh: ['host z is unknown', 'decky nope is not recorded'],
        running: ['host z is unknown', 'decky nope is not recorded'],
        converged: ['host z is unknown', 'decky nope is not recorded'],
      },
    ],
    [
      'nothing is recorded',
      [host('a', { deckies: [] })],
      {},
      { fresh: [], running: ['no decky is recorded'], converged: [] },
    ],
  ] as const)
    test(what, () => {
      for (const goal of ['fresh', 'running', 'converged'] as const satisfies readonly Goal[])
        assert.deepEqual(missingFor(found, { goal, hosts: [], deckies: [], ...asked }), missing[goal], goal);
    });

  test('a few are named, the others counted', () => {
    assert.equal(listOf(['a', 'b']), 'a; b');
    assert.equal(
      listOf(Array.from({ length: 1007 }, (_, at) => `d${at}`)),
      'd0; d1; d2; d3; d4; and 1,002 more',
    );
  });
});

describe('wait', async () => {
  const { store, env } = await hostWithStore();
  before(async () => {
    await store.db.query(
      `insert into fleet_hosts (host_uuid, interval_s, first_seen_at, last_pass_at, last_full_pass_at, last_observed_at)
       select name, 86400, t, t, t, t from (select now() as t) n, unnest(array['alpha', 'beta']) name`,
    );
    await store.db.query(
      `insert into fleet_deckies (host_uuid, name, services, decky_config, state, last_error, updated_at)
       values ('alpha', 'web', '["http"]', '{}', 'running', null, now()),
         ('beta', 'mail', '["smtp"]', '{}', 'failed', 'smtp: exited, code 137', now())`,
    );
  });

  test('succeeds at once if it is so already', async () => {
    for (const [args, words] of [
      [['--for=fresh'], 'fresh: 2 deckies on 2 hosts\n'],
      [['--for=converged', '--host', 'alpha,beta'], 'converged: 2 deckies on 2 hosts\n'],
      [['--for=running', 'web'], 'running: 1 decky on 2 hosts\n'],
      [['--for', 'running', '--host', 'alpha', '--timeout', '1'], 'running: 1 decky on 1 host\n'],
    ] as const) {
      const { code, stdout, stderr } = await cli(['wait', ...args], env);
      assert.deepEqual([code, stdout, stderr], [0, words, '']);
    }
  });

  test('names what is missing when the time is over: exit 4', async () => {
    for (const [args, words] of [
      [
        ['--for=running'],
        /^decnet-fleet: Not running after 1 s: mail on host beta is failed \(smtp: exited, code 137\)\. `[^\n]+\n$/,
      ],
      [
        ['--for=fresh', '--host', 'new'],
        /^decnet-fleet: Not fresh after 1 s: host new is unknown\. [^\n]+\n$/,
      ],
      [['--for=converged', 'web', 'nope'], /Not converged after 1 s: decky nope is not recorded\. /],
    ] as const) {
      const { code, stdout, stderr } = await cli(['wait', '--timeout', '1', ...args], env);
      assert.deepEqual([code, stdout], [4, ''], stderr);
      assert.match(stderr, words);
    }
  });

  test('succeeds as soon as it is so', async () => {
    const running = start(['wait', '--for=running', 'mail', 'later'], env);
    // It waits, whatever happens first: nothing is running yet.
    await store.db.query(`update fleet_deckies set state = 'running', last_error = null where name = 'mail'`);
    await store.db.query(
      `insert into fleet_deckies (host_uuid, name, services, decky_config, state, updated_at)
       values ('beta', 'later', '["smtp"]', '{}', 'running', now())`,
    );
    const { code, stdout, stderr } = await running.finished;
    assert.deepEqual([code, stdout], [0, 'running: 2 deckies on 2 hosts\n'], stderr);
  });

  test('says what it waits for on a terminal, and goes on during an outage', {
    skip: noTerminal,
  }, async () => {
    await store.db.query(`update fleet_deckies set state = 'failed' where name = 'mail'`);
    const waiting = onTerminal(['wait', '--for=running', 'mail', '--timeout', '300'], env);
    await waiting.said(/waiting: mail on host beta is failed/);
    await store.db.query('alter table fleet_hosts rename to away');
    await waiting.said(/waiting: The database .* have the tables of this version/);
    await store.db.query('alter table away rename to fleet_hosts');
    await store.db.query(`update fleet_deckies set state = 'running' where name = 'mail'`);
    const { code, screen } = await waiting.finished;
    assert.equal(code, 0, screen);
    assert.match(screen, /running: 1 decky on 2 hosts/);
  });

  test('wrong usage: exit 2; a database that was never there: exit 1', async () => {
    for (const [args, words] of [
      [[], /required option '--for <goal>' not specified/],
      [['--for=runing'], /Did you mean running\? Allowed: converged, running, fresh/],
      [['--for=fresh', '--timeout', '0'], /a whole number of seconds/],
    ] as const) {
      const { code, stderr } = await cli(['wait', ...args], env);
      assert.equal(code, 2, stderr);
      assert.match(stderr, words);
    }
    const away = { ...env, DATABASE_URL: 'postgres://me:secret@127.0.0.1:1/x' };
    const { code, stderr } = await cli(['wait', '--for=fresh'], away);
    assert.equal(code, 1);
    assert.doesNotMatch(stderr, /secret/);
  });
});
