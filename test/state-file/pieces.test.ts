import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ExactNumber } from '../../src/lib/exact-number.ts';
import { parseJson } from '../../src/lib/json-text.ts';
import { atOnce } from '../../src/lib/steps.ts';
import { isUtf8InPieces, parseInPieces } from '../../src/state-file/pieces.ts';

/** What comes of it: a value, or an error's words. */
const outcome = (parse: () => unknown): unknown => {
  try {
    return { value: parse() };
  } catch (error) {
    return { error: String(error) };
  }
};
const same = (text: string): void => {
  const bytes = Buffer.from(text);
  assert.deepEqual(
    outcome(() => atOnce(parseInPieces(bytes, 0))),
    // Not the text itself: cut within a character outside the basic plane it is no UTF-8.
    outcome(() => parseJson(bytes.toString())),
    text,
  );
};

/** Texts that hold lists of deckies where they belong, and where they do not. */
const name = fc.constantFrom('config', 'deckies', 'name', '"deckies": [', '\\', 'żółw 🐢');
const { document } = fc.letrec((tie) => ({
  document: fc.oneof(
    { maxDepth: 6 },
    fc.oneof(fc.jsonValue(), name, fc.constant('\0'), fc.constant(new ExactNumber('1.0', '1e0/1'))),
    fc.array(tie('document'), { maxLength: 4 }),
    fc.dictionary(name, tie('document'), { maxKeys: 4 }),
  ),
}));
const stateFile = fc.record({
  config: fc.record({ mode: name, deckies: fc.array(document) }),
  deckies: document,
});

describe('a state file parsed decky by decky', () => {
  test('is what one reading in one piece makes of it', () => {
    fc.assert(
      fc.property(fc.oneof(document, stateFile), fc.constantFrom(undefined, 1), (value, indent) =>
        same(JSON.stringify(value, null, indent)),
      ),
      { numRuns: 1_000 },
    );
  });

  test('has JSON.parse’s fault when it is broken anywhere', () => {
    fc.assert(
      fc.property(
        stateFile,
        fc.nat(),
        fc.constantFrom('', ',', '"', '[', ']', '{', '}', '\\', '1'),
        (value, at, put) => {
          const text = JSON.stringify(value);
          const place = at % text.length;
          same(text.slice(0, place) + put + text.slice(place + 1));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test('of two lists takes the one that JSON.parse takes', () => {
    same('{"config":{"deckies":[1],"deckies":[2,3]}}');
    same('{"config":{"deckies":[1]},"config":{"deckies":[]}}');
    same('{"config":{"deckies":[1]},"config":{}}');
    same('{"deckies":[1],"config":{"deckies":[2]}}');
    same('{"deckies":[],"config":{"deckies":["\\u0000"]}}');
    same('{"config":{"deckies":["\\u0000"]},"deckies":[]}');
    same('{"config":{"deckies":[1.0,{"a":2.0}],"a":3.0,"b":"\\u0000"}}');
    same('{"config":{"d\\u0065ckies":[1],"a":{"deckies":["\\u0000"]}}}');
  });
});

test('bytes are UTF-8 in pieces where they are in one', () => {
  const characters = fc.string({ unit: 'grapheme' }).map((text) => Buffer.from(text));
  const bytes = fc
    .array(fc.oneof(characters, fc.uint8Array({ maxLength: 3 })), { maxLength: 8 })
    .map((parts) => Buffer.concat(parts));
  fc.assert(
    fc.property(fc.oneof(bytes, characters), fc.integer({ min: 4, max: 9 }), (some, longest) =>
      assert.equal(atOnce(isUtf8InPieces(some, longest)), isUtf8(some)),
    ),
    { numRuns: 2_000 },
  );
});
