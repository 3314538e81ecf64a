import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { withItem } from '../../src/lib/short-list.ts';
import { fc } from '../harness/property.ts';

describe('a list that mostly stays short', () => {
  test('has all items in their order, however many they are', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.integer(), fc.array(fc.integer())), { maxLength: 40 }), (items) => {
        let list: unknown[] = [];
        for (const item of items) list = withItem(list, item);
        assert.deepEqual(list, items);
      }),
    );
  });

  test('of many items is not copied for each', () => {
    let list = Array.from({ length: 100 }, (_, at) => at);
    const before = list;
    list = withItem(list, 100);
    assert.equal(list, before);
  });
});
