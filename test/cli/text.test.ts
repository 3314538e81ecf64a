import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ageOf, paint, screenOf, stateText, table, withMeaning } from '../../src/cli/text.ts';

const terminal = { isTTY: true, columns: 60 };
const utf8 = { LANG: 'C.UTF-8', TERM: 'xterm' };

describe('the terminal', () => {
  test('colour and glyphs are for a terminal, and not with NO_COLOR', () => {
    assert.equal(stateText(screenOf({}, utf8), 'running'), 'running');
    assert.equal(stateText(screenOf(terminal, { ...utf8, NO_COLOR: '1' }), 'running'), '● running');
    assert.equal(stateText(screenOf(terminal, utf8), 'running'), '\u001b[32m● running\u001b[39m');
  });

  test('ASCII on a dumb terminal or without UTF-8', () => {
    assert.equal(stateText(screenOf(terminal, { ...utf8, TERM: 'dumb' }), 'failed'), 'x failed');
    assert.equal(stateText(screenOf(terminal, { LANG: 'C', NO_COLOR: '1' }), 'degraded'), '! degraded');
  });

  test('columns line up whatever their colours, and the last one is wrapped at words', () => {
    const screen = screenOf(terminal, utf8);
    const text = table(screen, [
      [paint(screen, 'red', 'a'), 'one two three four five six seven eight nine ten eleven twelve'],
      ['bbbb', 'short'],
    ]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
    assert.deepEqual(text.replace(/\u001b\[\d+m/g, '').split('\n'), [
      'a     one two three four five six seven eight nine ten',
      '      eleven twelve',
      'bbbb  short',
    ]);
  });

  test('ages', () => {
    assert.deepEqual([0, 12_000, 59_499, 60_000, 3_599_000, 7_200_000, 200_000_000].map(ageOf), [
      '0 s',
      '12 s',
      '59 s',
      '1 min',
      '59 min',
      '2 h',
      '2 d',
    ]);
  });

  test('an exit code says what it means', () => {
    assert.equal(
      withMeaning('ssh: exited, code 137; http: exited, code 3'),
      'ssh: exited, code 137 (killed); http: exited, code 3',
    );
  });
});
