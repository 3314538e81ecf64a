import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { retryAfterSeconds } from '../../src/notify/retry-after.ts';

const now = Date.parse('1994-11-06T08:49:07Z');
const skewed = 'Mon, 06 Nov 2000 08:49:07 GMT';

describe('Retry-After', () => {
  for (const [header, date, seconds] of [
    ['120', null, 120],
    [' 7 ', null, 7],
    ['3600', null, 3600],
    ['3601', null, 3600],
    ['99999999999999999999', null, 3600],
    ['0', null, null],
    ['-5', null, null],
    ['1.5', null, null],
    ['1e3', null, null],
    ['5, 10', null, null],
    ['soon', null, null],
    ['', null, null],
    [null, null, null],
    // HTTP's three date formats.
    ['Sun, 06 Nov 1994 08:49:37 GMT', null, 30],
    ['Sunday, 06-Nov-94 08:49:37 GMT', null, 30],
    ['Sun Nov  6 08:49:37 1994', null, 30],
    // Relative to the receiver's clock if `Date` is present.
    ['Mon, 06 Nov 2000 08:49:37 GMT', skewed, 30],
    ['Sun, 06 Nov 1994 08:49:37 GMT', skewed, null],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 'yesterday', 30],
    ['Mon, 06 Nov 2000 08:49:37 GMT', null, 3600],
    ['Sun, 06 Nov 1994 08:49:07 GMT', null, null],
    ['1994-11-06T08:49:37Z', null, null],
    ['2050', null, 2050],
  ] as const)
    test(`${header}${date === null ? '' : ` at ${date}`}: ${seconds === null ? 'says nothing' : `${seconds} s`}`, () => {
      assert.equal(retryAfterSeconds(header, date, now), seconds);
    });
});
