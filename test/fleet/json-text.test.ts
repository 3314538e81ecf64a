import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ExactNumber, exactly } from '../../src/lib/exact-number.ts';
import { equalJson, isObject, type Json } from '../../src/lib/json.ts';
import { parseJson } from '../../src/lib/json-text.ts';
import { numberText } from '../harness/numbers.ts';
import { fc } from '../harness/property.ts';

/** What comes of it: a value, or an error's words. */
const outcome = (parse: () => unknown): unknown => {
  try {
    return { value: parse() };
  } catch (error) {
    return { error: String(error) };
  }
};
/** With JavaScript's numbers alone. */
const rounded = (value: Json): unknown => {
  if (value instanceof ExactNumber) return Number(value.text);
  if (Array.isArray(value)) return value.map(rounded);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, rounded(inner)]));
};
const sameButNumbers = (text: string): void =>
  assert.deepEqual(
    outcome(() => rounded(parseJson(text))),
    outcome(() => JSON.parse(text)),
    text,
  );

/** A text, and what it says. */
type Said = readonly [text: string, value: Json];
/** What looks like a number and stands in a text, and what looks like an end of a text. */
const word = fc.oneof(
  fc.constantFrom(
    ...['a', '', '__proto__', ',1.0,', ': 0.0}', '\\\\', '"', 'x":1.0,"'],
    ...['\0', '\0\0', '\u00000', '\u00000:0', '\u00001:0'],
  ),
  fc.string(),
);
// Without a backslash: once V8 14 has seen such a key, its JSON.parse takes other keys with an escaped sign for it.
const keyWord = word.filter((text) => !text.includes('\\'));
const blank = fc.constantFrom('', '', ' ', '\n  ', '\t');
const { said } = fc.letrec<{ said: Said }>((tie) => ({
  said: fc.oneof(
    { maxDepth: 4 },
    fc.oneof(
      numberText.map((text): Said => [text, exactly(text)]),
      fc
        .oneof(word, fc.constantFrom(null, true, [], {}))
        .map((value): Said => [JSON.stringify(value), value]),
    ),
    fc
      .array(fc.tuple(blank, tie('said'), blank), { maxLength: 4 })
      .map(
        (members): Said => [
          `[${members.map(([before, [text], after]) => before + text + after).join(',')}]`,
          members.map(([, [, value]]) => value),
        ],
      ),
    fc
      .array(fc.tuple(blank, keyWord, blank, tie('said'), blank), { maxLength: 4 })
      .map(
        (members): Said => [
          `{${members.map(([a, key, b, [text], c]) => `${a}${JSON.stringify(key)}${b}:${b}${text}${c}`).join(',')}}`,
          Object.fromEntries(members.map(([, key, , [, value]]) => [key, value])),
        ],
      ),
  ),
}));

describe('JSON read without changing a number', () => {
  test('is what it says, whatever stands in its texts', () => {
    fc.assert(
      fc.property(said, ([text, value]) => assert.deepEqual(parseJson(text), value, text)),
      { numRuns: 3000 },
    );
  });

  test('has JSON.parse’s fault where it is broken', () => {
    const put = fc.constantFrom('', ',', '"', '[', ']', '{', '}', ':', '\\', '1', '.', '0', '-', 'e', ' ');
    fc.assert(
      fc.property(said, fc.nat(), put, ([whole], at, sign) => {
        const location = at % whole.length;
        sameButNumbers(whole.slice(0, location) + sign + whole.slice(location + 1));
      }),
      { numRuns: 3000 },
    );
    for (const broken of [
      '{1.0:2}',
      '{1.0 :2}',
      '[01.0]',
      '[1.0',
      '[+1.0]',
      '[1.0"a"]',
      '["a":1.0]',
      '[.0]',
      '1.0 1.0',
    ])
      sameButNumbers(broken);
  });

  test('is written again as it was, and of a key twice the last counts', () => {
    const kept = '[750727362669608961,1.0,-0.0,1e400,0.10,[{"a":-1.50}]]';
    assert.equal(JSON.stringify(parseJson(kept)), kept);
    assert.equal(JSON.stringify(parseJson('{"a":1.0,"a":2,"b":1,"b":2.0}')), '{"a":2,"b":2.0}');
    assert.equal(JSON.stringify(parseJson('{"__proto__":1.0}')), '{"__proto__":1.0}');
  });

  test('numbers that JavaScript would not change are its own', () => {
    for (const usual of [
      '0',
      '-0',
      '1',
      '1e5',
      '100',
      '0.1',
      '1e21',
      '5e-324',
      '0.30000000000000004',
      '1795488638.3255491',
    ])
      assert.equal(parseJson(usual), Number(usual));
    for (const other of [
      '0.0',
      '-0.0',
      '1.0',
      '9007199254740993',
      '1e400',
      '-1e400',
      '0.10',
      '1e-400',
      '1.0e-5',
    ])
      assert.ok(parseJson(other) instanceof ExactNumber, other);
  });

  test('may be nested as deeply as it likes, and hold as many numbers', () => {
    const deep = `${'['.repeat(100_000)}1.0${']'.repeat(100_000)}`;
    let found = parseJson(deep) as Json;
    while (Array.isArray(found)) found = found[0] as Json;
    assert.ok(found instanceof ExactNumber);
    const many = `[${Array(100_000).fill('1.0').join(',')}]`;
    assert.equal(JSON.stringify(parseJson(many)), many);
    const zeros = `[1${'0'.repeat(100_000)}1.${'0'.repeat(100_000)}]`;
    const marks = `["${'\\u0000'.repeat(100_000)}","\\u00000",${Array(10_000).fill('1.0').join(',')}]`;
    assert.equal(JSON.stringify(parseJson(marks)), marks);
    assert.equal(JSON.stringify(parseJson(zeros)), zeros);
  });

  test('numbers are equal where jsonb writes them the same', () => {
    const equal = (a: string, b: string): boolean => equalJson(parseJson(a), parseJson(b));
    for (const [a, b] of [
      ['0.0', '-0.0'],
      ['0', '-0'],
      ['1.0', '0.10e1'],
      ['1e400', `1${'0'.repeat(400)}`],
      ['1.0e1', '10'],
      ['[{"a":1.0}]', '[{"a":1.0}]'],
    ] as const)
      assert.ok(equal(a, b), `${a} ${b}`);
    for (const [a, b] of [
      ['1.0', '1'],
      ['0.0', '0'],
      ['1.0', '1.00'],
      ['1.0', '-1.0'],
      ['9007199254740993', '9007199254740992'],
      ['1e400', '1e401'],
      ['1.0', '"1.0"'],
      ['1.0', '{}'],
      ['{}', '1.0'],
    ] as const)
      assert.ok(!equal(a, b), `${a} ${b}`);
  });
});
