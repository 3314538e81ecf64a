import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { packageRoot } from '../../src/lib/package.ts';
import type { IncidentView } from '../../src/views/incidents.ts';
import type { SilenceView } from '../../src/views/silences.ts';
import { declaredDecky } from '../harness/host.ts';
import { hostWithStore } from '../harness/host-with-store.ts';
import { jsonHere, runHere } from '../harness/run-here.ts';
import { addIncidents } from '../harness/sample-incident.ts';

describe('silences and acknowledgements in a shell', async () => {
  const { store, host, env } = await hostWithStore({ LOG_LEVEL: 'error' });
  const asIs = async (...args: string[]) => {
    const { code, stdout, stderr } = await runHere(args, env);
    assert.deepEqual([code, stderr], [0, ''], args.join(' '));
    return stdout;
  };
  const fault = async (...args: string[]) => {
    const { code, stdout, stderr } = await runHere(args, env);
    assert.deepEqual([code, stdout], [1, ''], args.join(' '));
    assert.match(stderr, /^decnet-fleet: [^\n]+\n$/);
    return stderr;
  };
  const silenced = async (...args: string[]) =>
    (await jsonHere<{ silences: readonly SilenceView[] }>(['silences', '--json', ...args], env)).silences;
  const isListed = new Ajv2020().compile(
    JSON.parse(readFileSync(join(packageRoot, 'docs/schemas/silences.schema.json'), 'utf8')),
  );
  const always = ['--for', '2h', '--why', 'kernel update', '--who', 'ops'];

  test('a silence is listed until it is ended', async () => {
    host.write([declaredDecky('web'), declaredDecky('mail')]);
    await runHere(['reconcile', '--once'], env);
    assert.equal(await asIs('silences'), 'Nothing is silenced.\n');
    assert.match(
      await asIs('silence', '--host', 'local', ...always),
      /^Silence 1: host local until \d{4}-\d\d-\d\d \d\d:\d\d UTC, by ops: kernel update\n[^\n]*decnet-fleet unsilence 1\n$/,
    );
    await asIs('silence', '--decky', 'local/web', ...always);
    await asIs('silence', '--cause', 'host_stale', ...always);
    const windows = ['--every', 'mon-fri 22:00-06:00'];
    await asIs('silence', '--all', '--until', '2999-01-01T00:00Z', '--why', 'night', ...windows);
    const all = await silenced();
    assert.ok(isListed({ silences: all }), JSON.stringify(isListed.errors));
    assert.deepEqual(
      all.map(({ id, scope, host_uuid, name, kind, every }) => [id, scope, host_uuid, name, kind, every]),
      [
        [4, 'everything', null, null, null, 'mon,tue,wed,thu,fri 22:00-06:00'],
        [3, 'cause', null, null, 'host_stale', null],
        [2, 'decky', 'local', 'web', null, null],
        [1, 'host', 'local', null, null, null],
      ],
    );
    assert.deepEqual(
      [all[3]?.by, all[3]?.why, all[3]?.active_until],
      ['ops', 'kernel update', all[3]?.until],
    );
    assert.equal(all[0]?.until, '2999-01-01T00:00:00.000Z');

    assert.match(await asIs('unsilence', '1', '--who', 'admin'), /^Silence 1 is over\./);
    assert.deepEqual(
      (await silenced()).map(({ id }) => id),
      [4, 3, 2],
    );
    const [ended] = (await silenced('--all')).slice(-1);
    assert.deepEqual([ended?.id, ended?.ended_by, ended?.active_until], [1, 'admin', null]);
    assert.match(await asIs('silences', '--all'), /^1 {2}ended \d+ s ago by admin {2}host local until/m);
  });

  test('what is unknown is refused, with the nearest that is known', async () => {
    assert.match(
      await fault('silence', '--host', 'lcoal', ...always),
      /Host lcoal is unknown\. Did you mean local\?/,
    );
    assert.match(
      await fault('silence', '--decky', 'local/wbe', ...always),
      /Decky wbe is unknown on host local/,
    );
    assert.match(await fault('unsilence', '99'), /There is no silence 99\. Silences: 4, 3, 2;/);
    assert.match(await fault('unsilence', '1'), /Silence 1 is over already/);
  });

  test('an incident is acknowledged, and shows who and why', async () => {
    const id = 'deckies_down-0123456789abcdef';
    const affected = [{ host: 'local', name: 'web', state: 'failed' }];
    await addIncidents(store.db, { id, cause: 'ssh: exited', affected, silenceId: 2 });
    assert.match(
      await fault('ack', `${id.slice(0, -1)}e`, '--why', 'x'),
      /is not open\. Did you mean deckies_down-0123456789abcdef\?/,
    );
    assert.match(await fault('unack', id), /is not acknowledged\n$/);
    assert.match(
      await asIs('ack', id, '--why', 'new image\nsoon', '--who', 'ops'),
      /is acknowledged by ops\./,
    );
    const [one] = (await jsonHere<{ incidents: readonly IncidentView[] }>(['incidents', '--json'], env))
      .incidents;
    assert.deepEqual([one?.acknowledged?.by, one?.acknowledged?.why], ['ops', 'new image\ufffdsoon']);
    assert.deepEqual([one?.silenced?.id, one?.silenced?.by, one?.silenced?.why], [2, 'ops', 'kernel update']);
    const listed = await asIs('incidents');
    assert.match(
      listed,
      /\n {2}silenced until [\d-]+ [\d:]+ UTC by ops: kernel update\n {2}acknowledged by ops: new image/,
    );
    assert.match(listed, new RegExp(`\n  Id: ${id}\n`));
    assert.match(
      listed,
      /\nSilenced:\n(?: {2}4 [^\n]+\n)? {2}3 {2}cause host_stale until [^\n]+\n {2}2 {2}decky local\/web until /,
    );
    assert.match(
      await asIs('status'),
      /since \d+ s ago; silenced until [^\n]+; acknowledged by ops: new image/,
    );
    assert.match(await asIs('unack', id), /no longer acknowledged/);
    // The silence is over, and no process has evaluated the incident since.
    await asIs('unsilence', '2');
    const [now] = (await jsonHere<{ incidents: readonly IncidentView[] }>(['incidents', '--json'], env))
      .incidents;
    assert.deepEqual([now?.silenced, now?.acknowledged], [null, null]);
  });
});
