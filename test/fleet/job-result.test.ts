import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { mayServe, roleName, usersOf } from '../../src/fleet/grant.ts';
import { parseJobResult } from '../../src/fleet/job-result.ts';

const result = {
  host_uuid: 'a',
  job_id: '1',
  inserted: 0,
  deleted: 0,
  state_updated: 0,
  config_updated: 0,
  held: 0,
  contested: [],
  docker: 'ok',
  duration_ms: 3,
  dry_run: true,
};
const change = { action: 'insert', name: 'web', from_state: null, to_state: 'running', reason: 'new' };

describe('the result of a job', () => {
  test('is taken as it is, whatever a later version adds', () => {
    const more = { ...result, changes: [change], held_rows: [{ name: 'x', reason: 'y' }], later: { a: 1 } };
    assert.deepEqual(parseJobResult(more, 'a'), more);
  });

  for (const forged of [
    null,
    7,
    [],
    {},
    { ...result, host_uuid: 'b' },
    { ...result, inserted: '1' },
    { ...result, held: -1 },
    { ...result, docker: 'x' },
    { ...result, contested: { length: 5 } },
    { ...result, contested: [{ toString: 0 }] },
    { ...result, changes: [{ ...change, action: 'x' }] },
    { ...result, changes: [{ ...change, reason: { toString: 0 } }] },
    { ...result, changes: 'abc' },
    { ...result, held_rows: [7] },
    { ...result, deckies: [{ name: 'web', desired: [], observed: null }] },
    ...['{', '[]', '7', 7].map((text) => ({
      ...result,
      deckies: [{ name: 'web', desired: {}, desired_text: text, observed: null }],
    })),
    {
      ...result,
      deckies: [{ name: 'web', desired: null, observed: { state: 'x', reason: null, containers: [7] } }],
    },
  ])
    test(`is refused as ${JSON.stringify(forged)}`, () => {
      assert.throws(() => parseJobResult(forged, 'a'), {
        code: 'JOB_FAILED',
        message: /host a did not return a valid result/,
      });
    });

  test('shows no sign that a terminal obeys', () => {
    const forged = { ...result, changes: [{ ...change, name: 'a\u001b[2J', reason: '\u009b1m' }] };
    assert.deepEqual(parseJobResult(forged, 'a').changes, [
      { ...change, name: 'a\ufffd[2J', reason: '\ufffd1m' },
    ]);
  });
});

describe('a user that grant made', () => {
  const user = roleName('host-7', 'ab12cd');

  test('may serve its own host’s queue only, and any other user every queue', () => {
    assert.equal(mayServe(user, 'reconcile.host-7'), true);
    for (const queue of ['reconcile.host-8', 'reconcile.', 'schedule', 'host-7'])
      assert.equal(mayServe(user, queue), false);
    for (const other of ['default', '', 'decnet', 'fleet'])
      assert.equal(mayServe(other, 'reconcile.host-8'), true);
  });

  test('is found in Redis’s list by the keys of its queue', () => {
    const list = [
      'user default on nopass ~* &* +@all',
      `user ${user} on #ff ~bull:reconcile.host-7:* resetchannels -@all +get`,
      `user ${roleName('host.7', 'ab12ce')} on #ff ~bull:reconcile.host.7:* resetchannels -@all`,
      'user somebody on #ff ~bull:reconcile.host-7:* resetchannels -@all',
    ];
    assert.deepEqual(usersOf('host-7', list, 0), [user]);
    assert.deepEqual(usersOf('host-7', list, 3), []);
    const [, mine = ''] = list;
    assert.deepEqual(usersOf('host-7', [`${mine} +select|3`], 3), [user]);
    assert.deepEqual(usersOf('host-7', [`${mine} +select|3`], 0), []);
  });
});
