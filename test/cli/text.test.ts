import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { jsonText, onScreen, paint, screenOf, stateText, table, withMeaning } from '../../src/cli/text.ts';
import { dockerCommand } from '../../src/fleet/docker-command.ts';
import { ageOf } from '../../src/lib/age.ts';
import { printable, printableDeep, shortened } from '../../src/lib/text.ts';

const terminal = { isTTY: true, columns: 60 };
const utf8 = { LANG: 'C.UTF-8', TERM: 'xterm' };

describe('the terminal', () => {
  test('colours and glyphs only on a terminal, and no colours with NO_COLOR', () => {
    assert.equal(stateText(screenOf({}, utf8), 'running'), 'running');
    assert.equal(stateText(screenOf(terminal, { ...utf8, NO_COLOR: '1' }), 'running'), '● running');
    assert.equal(stateText(screenOf(terminal, utf8), 'running'), '\u001b[32m● running\u001b[39m');
  });

  test('ASCII on a dumb terminal or without UTF-8', () => {
    assert.equal(stateText(screenOf(terminal, { ...utf8, TERM: 'dumb' }), 'failed'), 'x failed');
    assert.equal(stateText(screenOf(terminal, { LANG: 'C', NO_COLOR: '1' }), 'degraded'), '! degraded');
  });

  test('columns are aligned with any colours, and the last one is wrapped at words', () => {
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

  test('known exit codes are explained', () => {
    assert.equal(
      withMeaning('ssh: exited, code 137; http: exited, code 3'),
      'ssh: exited, code 137 (killed); http: exited, code 3',
    );
    assert.equal(withMeaning('exited, code 128'), 'exited, code 128 (Docker could not start it)');
    const explained = 'ssh: exited, code 128 (Docker started it before its base; docker start web-ssh)';
    assert.equal(withMeaning(explained), explained);
  });

  test('phrases are explained, each once', () => {
    assert.equal(
      withMeaning('ssh: cut off from its network; http: cut off from its network; not in the file: ftp'),
      'ssh: cut off from its network (its base was restarted or replaced: restart the service containers, or deploy again); http: cut off from its network; not in the file: ftp',
    );
    assert.equal(withMeaning('deploying'), 'deploying (DECNET is creating its containers)');
    assert.equal(withMeaning('deploying-01: no container'), 'deploying-01: no container');
    assert.equal(
      withMeaning('no container; its deployment failed'),
      'no container; its deployment failed (DECNET reported this; deploy it again)',
    );
    assert.equal(
      withMeaning('no container; its deployment did not finish'),
      'no container; its deployment did not finish (it did not run within DECNET_ROLLOUT)',
    );
  });

  test('a command is only made of plain names', () => {
    assert.equal(dockerCommand('rm -f', ['web-02', 'web-02-ssh']), 'docker rm -f web-02 web-02-ssh');
    for (const name of [
      '',
      '-f',
      '--all',
      'a b',
      'a;b',
      'a\n',
      '$(x)',
      '`x`',
      'a\u202eb',
      'é',
      'a…',
      "a'b",
      '../x',
      '*',
    ])
      assert.equal(dockerCommand('restart', ['web', name]), null, JSON.stringify(name));
    assert.equal(dockerCommand('rm -f', []), null);
  });
});

describe('texts of other programs', () => {
  const hostile = 'a\u001b[2Jb\u009b31mc\u0007d\u202ee\r\nf\tg\u2028h';

  test('contain no control characters for a terminal, except own colours and line breaks', () => {
    assert.equal(
      onScreen(`\u001b[31mred\u001b[39m\n${'x\u001b]0;title\u0007y'}`),
      '\u001b[31mred\u001b[39m\nx\ufffd]0;title\ufffdy',
    );
    assert.equal(printable(hostile), 'a\ufffd[2Jb\ufffd31mc\ufffdd\ufffde\ufffd\ufffdf\ufffdg\ufffdh');
    assert.deepEqual(printableDeep({ 'k\u0007': [hostile, 7, null, { x: '\u001b' }] }), {
      'k\ufffd': [printable(hostile), 7, null, { x: '\ufffd' }],
    });
  });

  test('are the same in JSON, with control characters escaped', () => {
    const text = jsonText({ hostile });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what must not be there
    assert.doesNotMatch(text.replaceAll('\n', ''), /[\u0000-\u001f\u007f-\u009f\u2028\u202e]/);
    assert.deepEqual(JSON.parse(text), { hostile });
  });

  test('are shortened when they are too long', () => {
    assert.equal(shortened('x'.repeat(501)), `${'x'.repeat(499)}…`);
    assert.equal(shortened('x'.repeat(500)), 'x'.repeat(500));
    assert.ok(shortened('😀'.repeat(300)).isWellFormed());
  });
});
