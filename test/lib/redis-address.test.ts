import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseRedisAddress, redisAddressWith, redisLocation } from '../../src/lib/redis-address.ts';

const parsed = (text: string) => {
  const found = parseRedisAddress(text);
  return 'problem' in found ? assert.fail(found.problem) : found;
};

describe('an address of Redis', () => {
  for (const [text, location] of [
    ['redis://h', 'redis://h:6379/0'],
    ['redis://', 'redis://localhost:6379/0'],
    ['redis:///2', 'redis://localhost:6379/2'],
    ['REDISS://me:pw@h:1/3/', 'rediss://h:1/3'],
    ['redis://[::1]:7000/1?family=6', 'redis://[::1]:7000/1'],
    ['redis+sentinel://me:pw@a,b:1,[::1]:2/mymaster', 'redis+sentinel://a:26379,b:1,[::1]:2/mymaster/0'],
    ['rediss+sentinel://a/my%20master/4', 'rediss+sentinel://a:26379/my%20master/4'],
  ] as const)
    test(`${text} is read`, () => assert.equal(redisLocation(parsed(text)), location));

  test('has its parts decoded', () => {
    const { user, password, sentinel } = parsed(
      'redis+sentinel://m%2Fe:a:b%40@h/m/0?sentinelUser=w&sentinelPassword=p%26w',
    );
    assert.deepEqual([user, password], ['m/e', 'a:b@']);
    assert.deepEqual(sentinel, { master: 'm', user: 'w', password: 'p&w' });
  });

  for (const [text, problem] of [
    ['redis+sentinel://h1,h2', /names no master; write it as/],
    ['redis+sentinel://h1,,h2/m', /wrong host or port/],
    ['redis+sentinel:///m', /wrong host or port/],
    ['redis://h:70000', /wrong host or port/],
    ['redis://h1:1,h2:2', /wrong host or port/],
    ['redis://me:secret@/0', /wrong host or port/],
    ['redis://me:12?secret@h', /wrong host or port/],
    ['redis://h/name', /a database that is not a number/],
    ['redis+sentinel://h/m/name', /a database that is not a number/],
    ['redis+sentinel://h/m?db=1', /a parameter other than sentinelUser and sentinelPassword/],
    ['redis://me:se%cret@h', /write it as %25/],
    ['redis+cluster://h1,h2', /Redis Cluster, which is not supported/],
    ['valkey://h', /is not an address; allowed: redis:/],
  ] as const)
    test(`${text} is refused, without showing it`, () => {
      const found = parseRedisAddress(text);
      assert.ok('problem' in found);
      assert.match(found.problem, problem);
      assert.doesNotMatch(found.problem, /secret|se%cret/);
    });

  test('for another user keeps the servers, and no secret', () => {
    assert.equal(
      redisAddressWith(parsed('rediss+sentinel://me:pw@a:1,b/m/2?sentinelPassword=s'), 'you', 'a/b'),
      'rediss+sentinel://you:a%2Fb@a:1,b:26379/m/2',
    );
    assert.equal(
      redisAddressWith(parsed('redis://me:pw@h/1?family=6&password=s'), 'you', 'x'),
      'redis://you:x@h:6379/1?family=6',
    );
  });
});
