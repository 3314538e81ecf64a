import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { brokenContainers } from '../../src/fleet/broken-containers.ts';
import { joinedLines, keptLines, lastLinesFromJson, linesBytesAtMost } from '../../src/fleet/last-lines.ts';
import type { Transition } from '../../src/fleet/plan/change.ts';
import { container, exited, seen, serviceOf, unreachable } from '../harness/facts.ts';

describe('a line of a log that an attacker wrote', () => {
  for (const [what, line, expected] of [
    ['plain', 'login from 192.0.2.1', 'login from 192.0.2.1'],
    ['with colours', '\u001b[1;31mred\u001b[0m', 'red'],
    ['that sets the title of a terminal', '\u001b]0;owned\u0007text', 'text'],
    ['that never ends a sequence', '\u001b]0;owned', ''],
    ['that clears the screen', '\u001bc\u001b[2Jgone', 'gone'],
    ['with another line in it', 'a\nSubject: b\r\nc', 'a\ufffdSubject: b\ufffd\ufffdc'],
    ['with line separators', 'a\u2028b\u2029c\u0085d', 'a\ufffdb\ufffdc\ufffdd'],
    ['written from right to left', 'a\u202eb\u2066c', 'a\ufffdb\ufffdc'],
    ['with invisible characters', 'a\u200bb\u{e0041}c', 'a\ufffdb\ufffdc'],
    ['with a C1 sequence', 'a\u009b2Jb', 'a\ufffd2Jb'],
    ['with half a character', 'a\ud800b', 'a\ufffdb'],
    ['with tabs', 'a\tb  ', 'a b'],
    ['with a password', 'using redis://user:secret@192.0.2.1/0', 'using redis://user:***@192.0.2.1/0'],
  ] as const)
    test(`is harmless: ${what}`, () =>
      assert.deepEqual(keptLines([line, '']), expected === '' ? [] : [expected]));

  test('is at most 200 characters', () => {
    const [line = ''] = keptLines(['x'.repeat(1_000_000)]);
    assert.equal(line, `${'x'.repeat(199)}…`);
  });
  test('shows no password that a shorter line would have shown', () => {
    const [line = ''] = keptLines([`${'x'.repeat(180)} redis://user:secret${'y'.repeat(100)}@192.0.2.1`]);
    assert.doesNotMatch(line, /secret/);
  });
  test('is left out when newer lines take all the room', () => {
    const kept = keptLines(Array.from({ length: 60 }, (_, at) => `${at} ${'é'.repeat(190)}`));
    assert.equal(kept.at(-1)?.slice(0, 3), '59 ');
    assert.ok(Buffer.byteLength(kept.join('')) <= linesBytesAtMost);
    assert.equal(kept.length, 10);
  });
  test('is one of the last, of as many as were asked for', () =>
    assert.deepEqual(keptLines(['a', 'b', 'c'], 2), ['b', 'c']));
});

describe('the lines of a row that a stolen worker wrote', () => {
  for (const [what, json, expected] of [
    ['nothing', null, {}],
    ['a list', ['x'], {}],
    ['lines of a service', { ssh: ['a', 'b'] }, { ssh: ['a', 'b'] }],
    ['no lines', { ssh: 'x', http: [1, null], smtp: [] }, {}],
    ['control characters', { ssh: ['\u001b[31ma\nb'] }, { ssh: ['a\ufffdb'] }],
    ['a service that is none', { 'a\nb': ['x'], '<!channel>': ['x'], '': ['x'] }, {}],
  ] as const)
    test(`are bounded: ${what}`, () => assert.deepEqual(lastLinesFromJson(json), expected));

  test('are bounded: many services with many lines', () => {
    const many = Object.fromEntries(
      Array.from({ length: 1000 }, (_, at) => [`s${at}`, Array(1000).fill('x'.repeat(1000))]),
    );
    const found = lastLinesFromJson(many);
    assert.equal(Object.keys(found).length, 5);
    assert.ok(Buffer.byteLength(JSON.stringify(found)) < 2 * linesBytesAtMost);
  });
});

test('a message of several deckies has the lines of the first one of each service', () =>
  assert.deepEqual(joinedLines([{}, { ssh: ['a'] }, { ssh: ['b'], http: ['c'] }]), {
    ssh: ['a'],
    http: ['c'],
  }));

describe('the containers whose logs are read', () => {
  const down = (name: string, more: Partial<Transition> = {}): Transition => ({
    name,
    from: 'running',
    to: 'failed',
    reason: 'ssh: exited, code 137',
    cause: { service: 'ssh', state: 'exited', exitCode: 137 },
    ...more,
  });
  const all = seen(
    container('web'),
    serviceOf('web', 'ssh', exited(137)),
    container('mail', exited(1)),
    container('mail-smtp-relay', exited(1)),
  );
  const namesOf = (...transitions: readonly Transition[]): readonly string[] =>
    brokenContainers(transitions, all).map((one) => one.container);

  for (const [what, transition, expected] of [
    ['of a service', down('web'), ['web-ssh']],
    ['of a base', down('mail', { cause: { service: null, state: 'exited', exitCode: 1 } }), ['mail']],
    [
      'found by its name',
      down('mail', { cause: { service: 'smtp_relay', state: 'exited', exitCode: 1 } }),
      ['mail-smtp-relay'],
    ],
    ['of a decky that runs again', down('web', { from: 'failed', to: 'running', cause: null }), []],
    ['of a decky that is removed', down('web', { to: null }), []],
    ['that runs', down('web', { cause: { service: 'ssh', state: 'unhealthy', exitCode: null } }), []],
    ['that is gone', down('web', { cause: { service: 'http', state: 'exited', exitCode: 1 } }), []],
  ] as const)
    test(`are those ${what}`, () => assert.deepEqual(namesOf(transition), expected));

  test('are at most five of a pass', () =>
    assert.equal(namesOf(...Array.from({ length: 9 }, () => down('web'))).length, 5));
  test('are none while Docker does not answer', () =>
    assert.deepEqual(brokenContainers([down('web')], unreachable), []));
});
