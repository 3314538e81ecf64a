import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { declaredDecky } from '../harness/host.ts';
import { hostWithStore } from '../harness/host-with-store.ts';
import { jsonHere, runHere } from '../harness/run-here.ts';

describe('what does not exist', async () => {
  const { store, host, env } = await hostWithStore({ DECNET_HOSTS: 'named', LOG_LEVEL: 'error' });

  const asks: readonly (readonly string[])[] = [
    ['status', '--host', 'nobody'],
    ['status', '--host', 'nobody', '--json'],
    ['hosts', '--host', 'nobody'],
    ['hosts', '--host', 'nobody', '--json'],
    ['history', '--host', 'nobody'],
    ['history', '--host', 'nobody', '--json'],
    ['history', '--host', 'nobody', '--decky', 'web', '--json'],
    ['stop', '--host', 'nobody'],
    ['pause', 'nobody', '--why', 'drill'],
    ['resume', 'nobody'],
    ['forget', '--host', 'nobody', '--yes'],
    ['grant', '--host', 'nobody', '--revoke'],
    ['plan', '--host', 'nobody', '--timeout', '1', '--json'],
    ['reconcile', '--once', '--host', 'nobody', '--timeout', '1', '--json'],
  ];

  test('a host, when none is known: exit 1 with advice', async () => {
    for (const args of [
      ['status', '--host', 'nobody', '--json'],
      ['stop', '--host', 'nobody'],
    ]) {
      const { code, stdout, stderr } = await runHere(args, { ...env, DECNET_HOSTS: undefined });
      assert.deepEqual([code, stdout], [1, ''], args.join(' '));
      assert.match(
        stderr,
        /^decnet-fleet: Host nobody is unknown\. No host is known yet: a worker registers [^\n]+\n$/,
      );
    }
  });

  test('a host, when others are known: exit 1 with some of them', async () => {
    host.write([declaredDecky('web'), declaredDecky('mail')]);
    await runHere(['reconcile', '--once'], env);
    await store.db.query(
      `insert into fleet_deckies (host_uuid, name, services, decky_config, state, updated_at)
       values ('rows-only', 'files', '["smb"]', '{"name": "files"}', 'running', now())`,
    );
    for (const args of asks) {
      const { code, stdout, stderr } = await runHere(args, env);
      assert.deepEqual([code, stdout], [1, ''], args.join(' '));
      assert.match(
        stderr,
        /^decnet-fleet: [^\n]*Host nobody is unknown\. Known hosts: local, named, rows-only\n$/,
        args.join(' '),
      );
    }
    await store.db.query(
      `insert into fleet_hosts (host_uuid, interval_s) select 'many-' || n, 30 from generate_series(1, 2000) n`,
    );
    const { stderr } = await runHere(['status', '--host', 'nobody'], env);
    assert.match(stderr, /Known hosts: local, many-1, many-10, many-100, many-1000 and 1,998 more\n$/);
    const near = await runHere(['status', '--host', 'lcoal'], env);
    assert.match(near.stderr, /Host lcoal is unknown\. Did you mean local\? Known hosts: local, /);
    await store.db.query(`delete from fleet_hosts where host_uuid like 'many-%'`);
  });

  test('a known host without data is no error', async () => {
    for (const [name, args] of ['named', 'rows-only', 'local'].flatMap((one) =>
      [['status'], ['status', '--json'], ['hosts'], ['hosts', '--json'], ['history'], ['stop']].map(
        (command) => [one, command] as const,
      ),
    )) {
      const { code, stdout, stderr } = await runHere([...args, '--host', name], env);
      assert.deepEqual([code, stderr], [0, ''], `${args.join(' ')} ${name}`);
      assert.notEqual(stdout, '');
    }
    assert.match(
      (await runHere(['status', '--host', 'named'], env)).stdout,
      /no worker has ever monitored this host/,
    );
    const { hosts } = await jsonHere<{ hosts: { host_uuid: string; first_seen_at: string | null }[] }>(
      ['hosts', '--host', 'named', '--json'],
      env,
    );
    assert.deepEqual(
      hosts.map(({ host_uuid, first_seen_at }) => [host_uuid, first_seen_at]),
      [['named', null]],
    );
    assert.equal((await runHere(['grant', '--host', 'local', '--revoke'], env)).code, 0);
  });

  test('a decky: exit 1 with the hosts that have one of its name', async () => {
    for (const [args, words] of [
      [
        ['--decky', 'nothing'],
        /Decky nothing is unknown\. `decnet-fleet status` lists all recorded deckies, [^\n]+\n$/,
      ],
      [['--decky', 'nothing', '--host', 'local'], /Decky nothing is unknown on host local\. /],
      [
        ['--decky', 'web', '--host', 'rows-only'],
        /Decky web is unknown on host rows-only\. A decky of this name is on host local\n$/,
      ],
    ] as const) {
      for (const json of [[], ['--json']]) {
        const { code, stdout, stderr } = await runHere(['history', ...args, ...json], env);
        assert.deepEqual([code, stdout], [1, ''], args.join(' '));
        assert.match(stderr, words);
      }
    }
  });

  test('a deleted decky, or one without recent changes, is no error', async () => {
    host.write([declaredDecky('mail')]);
    await store.db.query(`delete from fleet_deckies where name = 'web'`);
    await store.db.query(`update fleet_transitions set at = now() - interval '2 hours'`);
    for (const [args, count] of [
      [['--decky', 'web'], 1],
      [['--decky', 'web', '--host', 'local'], 1],
      [['--decky', 'web', '--since', '1h'], 0],
      [['--decky', 'mail', '--since', '1h', '--host', 'local'], 0],
      [['--decky', 'files'], 0],
      [['--since', '1h'], 0],
    ] as const) {
      const found = await jsonHere<{ transitions: unknown[] }>(['history', '--json', ...args], env);
      assert.equal(found.transitions.length, count, args.join(' '));
      assert.equal((await runHere(['history', ...args], env)).code, 0);
    }
  });
});
