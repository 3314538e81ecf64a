import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isMatch, type Subject } from '../../src/fleet/filter/match-filter.ts';
import { parseFilter } from '../../src/fleet/filter/parse-filter.ts';

const now = Date.parse('2026-01-31T12:00:00Z');
const web: Subject = {
  host: 'nyc-01',
  decky: 'web-03',
  ip: '10.0.4.13',
  services: ['ssh', 'http'],
  reason: 'ssh: exited, code 137',
  state: 'failed',
  changedAt: now - 30 * 60_000,
};
const mail: Subject = {
  host: 'ams-07',
  decky: 'mail-01',
  ip: null,
  services: [],
  reason: null,
  state: 'running',
  changedAt: null,
};

const chosen = (text: string): readonly string[] => {
  const { filter, fault } = parseFilter(text);
  assert.equal(fault, null, text);
  return [web, mail].filter((one) => isMatch(filter, one, now)).map(({ decky }) => decky ?? '');
};
const faultText = (text: string): string => {
  const { fault } = parseFilter(text);
  return fault === null ? '' : `${fault.message}. ${fault.advice}`;
};

describe('a filter', () => {
  for (const [text, found] of [
    ['', ['web-03', 'mail-01']],
    ['state:failed', ['web-03']],
    ['state:failed,running', ['web-03', 'mail-01']],
    ['state:broken', ['web-03']],
    ['STATE:Failed', ['web-03']],
    ['-state:running', ['web-03']],
    ['host:nyc-*', ['web-03']],
    ['host:nyc', []],
    ['host:nyc-*,ams-*', ['web-03', 'mail-01']],
    ['-host:nyc-*,ams-*', []],
    ['decky:*-01', ['mail-01']],
    ['decky:WEB-03', ['web-03']],
    ['ip:10.0.4.*', ['web-03']],
    ['ip:10.0.4', []],
    ['ip:*', ['web-03']],
    ['-ip:10.*', ['mail-01']],
    ['service:ssh', ['web-03']],
    ['service:ss', []],
    ['service:s*h', ['web-03']],
    ['-service:ssh', ['mail-01']],
    ['since:1h', ['web-03']],
    ['since:29m', []],
    ['since:1800s', ['web-03']],
    ['since:1d since:2w', ['web-03']],
    ['since:10m,1h', ['web-03']],
    ['-since:1h', ['mail-01']],
    ['reason:137', ['web-03']],
    ['reason:"exited, code 137"', ['web-03']],
    ['ssh 137', ['web-03']],
    ['ssh 138', []],
    ['"exited, code"', ['web-03']],
    ['"code exited"', []],
    ['nyc', ['web-03']],
    ['SSH', ['web-03']],
    ['web,mail', ['web-03', 'mail-01']],
    ['-web', ['mail-01']],
    ['e*code', ['web-03']],
    // A reason that is pasted.
    ['ssh: exited, code 137', ['web-03']],
    // A text that looks like a term.
    ['"-01"', ['web-03', 'mail-01']],
    ['""', ['web-03', 'mail-01']],
    ['-', ['web-03', 'mail-01']],
    ['state:failed host:nyc-* since:1h service:ssh ip:10.0.4.* exited', ['web-03']],
    ['state:failed host:ams-*', []],
    // No closing quote yet.
    ['"exited, co', ['web-03']],
  ] as const)
    test(`${text === '' ? 'without terms' : text} chooses ${found.join(' and ') || 'nothing'}`, () =>
      assert.deepEqual(chosen(text), found));

  for (const [text, fault] of [
    ['stat:failed', /^"stat" is not a key\. Did you mean state\? Allowed: state, host, decky, ip, /],
    ['flavour:new', /^"flavour" is not a key\. Allowed: state, /],
    ['state:faild', /^state "faild" is not a state\. Did you mean failed\? Allowed: broken, pending, /],
    ['state:running,up', /^state "up" is not a state\. Allowed: /],
    ['-state:brokn', /^state "brokn" is not a state\. Did you mean broken\?/],
    ['since:3y', /^since "3y" is not a length of time\. Allowed: a number and one of s, m, h, d, w, /],
    ['since:10min', /^since "10min" is not a length of time\. Did you mean 10m\?/],
    ['since:2weeks', /Did you mean 2w\?/],
    ['since:1H', /Did you mean 1h\?/],
    ['since:3months', /^since "3months" is not a length of time\. Allowed/],
    ['since:yesterday', /^since "yesterday" is not a length of time\. Allowed/],
    ['state:', /^state has no value/],
    ['x'.repeat(1001), /^the filter is longer than 1000 characters/],
    ['a '.repeat(21), /^the filter has more than 20 terms/],
  ] as const)
    test(`${text.slice(0, 20)} is not understood`, () => assert.match(faultText(text), fault));

  test('that is understood in part has its other terms', () => {
    const { filter } = parseFilter('state:faild host:nyc-*');
    assert.deepEqual(filter, [{ kind: 'text', key: 'host', patterns: ['nyc-*'], isExcluded: false }]);
  });
});
