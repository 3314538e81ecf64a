import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type IniRules, readIni } from '../../src/builder/ini.ts';
import { FleetError } from '../../src/lib/errors.ts';

const read = (text: string, rules: IniRules = 'file') =>
  readIni(text, 'a.ini', rules).map((section) => [section.name, Object.fromEntries(section.all())]);

const refuses = (text: string, words: RegExp, rules: IniRules = 'file'): void => {
  assert.throws(
    () => read(text, rules),
    (error) => {
      assert.ok(error instanceof FleetError, String(error));
      assert.match(error.line, words);
      assert.doesNotMatch(error.line, /[\n\r]/);
      return true;
    },
  );
};

describe('lines of an INI file', () => {
  for (const [what, text, expected] of [
    ['a section keeps its case and inner spaces', '[ A b ]\nx=1', [[' A b ', { x: '1' }]]],
    ['a section goes up to the last ], and what follows is ignored', '[a]b] # c\nx=1', [['a]b', { x: '1' }]]],
    ['a key is in lower case, its value as it stands', '[a]\nKEY = Value', [['a', { key: 'Value' }]]],
    [
      'the first of = and : splits',
      '[a]\nx = a : b\ny: a = b\nz=',
      [['a', { x: 'a : b', y: 'a = b', z: '' }]],
    ],
    ['a key may hold spaces', '[a]\ncommunity string = x', [['a', { 'community string': 'x' }]]],
    ['comments stand on lines of their own', '# c\n[a]\n  ; c\nx = 1 ; 2 # 3', [['a', { x: '1 ; 2 # 3' }]]],
    ['a deeper line goes on', '[a]\nx = 1\n  2\n\t3\ny=4', [['a', { x: '1\n2\n3', y: '4' }]]],
    ['as deep is no deeper', '[a]\n  x = 1\n  y = 2', [['a', { x: '1', y: '2' }]]],
    ['a deeper section is a line of the value', '[a]\nx = 1\n  [b]', [['a', { x: '1\n[b]' }]]],
    ['a deeper line after a section is a key', '[a]\n  x = 1', [['a', { x: '1' }]]],
    [
      'blank lines between are kept, trailing ones not',
      '[a]\nx = 1\n\n  2\n\n\n[b]',
      [
        ['a', { x: '1\n\n2' }],
        ['b', {}],
      ],
    ],
    ['a comment within a value leaves no blank line', '[a]\nx = 1\n  # c\n  2', [['a', { x: '1\n2' }]]],
    ['a value may begin on the next line', '[a]\nx =\n  1', [['a', { x: '\n1' }]]],
    ['CRLF and CR end a line', '[a]\r\nx = 1\r\n  2\ry = 3', [['a', { x: '1\n2', y: '3' }]]],
    [
      'a no-break space is blank, a byte order mark is not',
      '[a]\n\u00a0x = \ufeff1\u2003',
      [['a', { x: '\ufeff1' }]],
    ],
    ['[] is no section', '[a]\n[] = 1', [['a', { '[]': '1' }]]],
    ['a key called __proto__ is one', '[a]\n__proto__ = 1', [['a', { ['__proto__']: '1' }]]],
  ] as const) {
    test(what, () => assert.deepEqual(read(text), expected));
  }

  for (const [what, text, words] of [
    ['a key only', '[a]\nx = 1\nlonely\n', /^a\.ini:3: \[a\]: "lonely" is neither a section nor/],
    ['several, counted', '[a]\none\ntwo\n', /"one" .*and 1 more/],
    ['a value without a key', '[a]\n= x', /^a\.ini:2: \[a\]: "= x" is neither/],
    ['a line before the first section', 'x = 1\n[a]', /^a\.ini:1: no section: "x = 1"/],
    ['a byte order mark', '\ufeff[a]\nx = 1', /^a\.ini:1: no section: "\\u\{feff\}\[a\]"/],
    ['a section twice', '[a]\n[b]\n[a]', /^a\.ini:3: \[a\]: duplicate section, first defined in line 1/],
    [
      'a key twice, whatever its case',
      '[a]\nx = 1\nX = 2',
      /^a\.ini:3: \[a\] x: duplicate key, first defined in line 2/,
    ],
    [
      'a key of [DEFAULT] twice',
      '[DEFAULT]\nx = 1\n[DEFAULT]\nx = 2',
      /^a\.ini:4: \[DEFAULT\] x: duplicate key/,
    ],
    ['what moves a cursor', '[a]\n\u001b[2Jx', /"\\u\{1b\}\[2Jx"/],
  ] as const) {
    test(`refused: ${what}`, () => refuses(text, words));
  }
});

describe('a file and a string differ', () => {
  test('empty, blank or only comments: accepted for a file, an error for a string', () => {
    for (const text of ['', ' \n\t\n']) {
      assert.deepEqual(read(text), []);
      refuses(text, /^a\.ini: is empty$/, 'string');
    }
    for (const text of ['# c', '[DEFAULT]\nx=1']) {
      assert.deepEqual(read(text), []);
      refuses(text, /^a\.ini: no sections found$/, 'string');
    }
    for (const rules of ['file', 'string'] as const) refuses('hello', /no sections found/, rules);
  });

  test('a string may have 524,288 characters, and not one more', () => {
    const text = (length: number): string => `[a]\n${'#\u{1f600}'.repeat((length - 4) / 2)}`;
    assert.deepEqual(read(text(524_288), 'string'), [['a', {}]]);
    refuses(`${text(524_288)}#`, /is too large/, 'string');
    assert.deepEqual(read(`${text(524_288)}#`), [['a', {}]]);
  });

  test('in a string the last key is used, and the section keeps its position', () => {
    assert.deepEqual(read('[a]\nx=1\ny=1\n[b]\n[a]\nx=2\nx=3\nz=1', 'string'), [
      ['a', { x: '3', y: '1', z: '1' }],
      ['b', {}],
    ]);
  });
});

describe('[DEFAULT] and references', () => {
  test('its keys apply to every section, and it is not a section itself', () => {
    assert.deepEqual(read('[DEFAULT]\nx=1\ny=1\n[a]\nY=2\n[b]'), [
      ['a', { y: '2', x: '1' }],
      ['b', { x: '1', y: '1' }],
    ]);
  });

  test('%(key)s takes a key of the section, else of [DEFAULT]; %% is %', () => {
    const [, a] = readIni('[DEFAULT]\nu=root\n[z]\n[a]\nx=%(U)s@%(h)s 100%%\nh=%(v)s\nv=web', 'f', 'file');
    assert.equal(a?.get('x'), 'root@web 100%');
  });

  test('a section overrides a key that [DEFAULT] refers to', () => {
    assert.deepEqual(read('[DEFAULT]\nx=%(n)s!\nn=0\n[a]\nn=1\n[b]'), [
      ['a', { n: '1', x: '1!' }],
      ['b', { x: '0!', n: '0' }],
    ]);
  });

  for (const [text, words] of [
    ['50%', /^a\.ini:2: \[a\] x: "%" is not a reference/],
    ['%d', /"%d" is not a reference/],
    ['%(y)', /"%\(y\)" is not a reference/],
    ['%()s', /is not a reference/],
    ['%(nobody)s', /^a\.ini:2: \[a\] x: refers to "nobody"/],
    ['%(x)s', /nested more than 10 deep or are circular/],
  ] as const) {
    test(`x=${text}: an error only when it is read`, () => {
      refuses(`[a]\nx=${text}`, words);
      assert.equal(readIni(`[a]\nx=${text}\ny=1`, 'f', 'file')[0]?.get('y'), '1');
    });
  }

  test('references may be nested ten deep', () => {
    const chain = (length: number): string =>
      `[a]\n${Array.from({ length }, (_, at) => `k${at}=%(k${at + 1})s`).join('\n')}\nk${length}=end %%`;
    assert.equal(readIni(chain(9), 'f', 'file')[0]?.get('k0'), 'end %');
    assert.throws(() => readIni(chain(10), 'f', 'file')[0]?.get('k0'), /more than 10 deep/);
  });

  test('references that multiply are limited', () => {
    for (const last of ['', '0123456789']) {
      const lines = Array.from({ length: 9 }, (_, at) => `k${at}=${`%(k${at + 1})s`.repeat(60)}`);
      refuses(`[a]\n${lines.join('\n')}\nk9=${last}`, /is too large after its references are replaced/);
    }
  });
});
