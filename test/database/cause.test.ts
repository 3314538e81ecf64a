import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { causeFromJson, causeToJson } from '../../src/database/cause.ts';
import type { Cause } from '../../src/fleet/plan/cause.ts';

const causes: readonly (Cause | null)[] = [
  { service: 'ssh', state: 'exited', exitCode: 137 },
  { service: null, state: 'no container', exitCode: null },
  { service: 'ssh', state: 'exited', exitCode: 143, endedBy: 'request' },
  { service: 'ssh', state: 'exited', exitCode: 137, endedBy: 'memory' },
  {
    service: null,
    state: 'no container',
    exitCode: null,
    deployment: { outcome: 'failed', of: 'new-01' },
  },
  null,
];

describe('a stored cause', () => {
  for (const cause of causes)
    test(`${JSON.stringify(cause)} is read as it was written`, () => {
      assert.deepEqual(causeFromJson(JSON.parse(JSON.stringify(causeToJson(cause)))), cause);
    });

  for (const json of [
    undefined,
    7,
    'x',
    [],
    {},
    { state: 1 },
    { service: 'ssh' },
    { service: 1, state: 'exited' },
    { service: 'ssh', state: 'exited', exit_code: '1' },
    { service: 'ssh', state: 'exited', exit_code: 1.5 },
    { service: 'ssh', state: 'exited', exit_code: 1e300 },
    { service: 'ssh', state: 'exited', exit_code: { a: 1 } },
  ])
    test(`${JSON.stringify(json)} is none`, () => assert.equal(causeFromJson(json), null));

  for (const more of [
    { ended_by: 'nobody' },
    { ended_by: 1 },
    { deployment: 'failed' },
    { deployment: { outcome: 'well', of: 'x' } },
    { deployment: { outcome: 'failed' } },
  ])
    test(`${JSON.stringify(more)} is left out`, () => {
      assert.deepEqual(causeFromJson({ state: 'x', ...more }), { service: null, state: 'x', exitCode: null });
    });

  test('without service and exit code has neither', () => {
    assert.deepEqual(causeFromJson({ state: 'x' }), { service: null, state: 'x', exitCode: null });
  });
});
