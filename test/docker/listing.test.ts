import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { containerOf, isSuspect, type ListedContainer, upSeconds } from '../../src/docker/listing.ts';

const listed = (more: Partial<ListedContainer> = {}): ListedContainer => ({
  Names: ['/web-ssh'],
  Labels: {},
  State: 'running',
  Status: 'Up 12 seconds',
  Created: 1000,
  ...more,
});
const read = (more: Partial<ListedContainer>) => containerOf(listed(more), 1012);

describe('a line of Docker’s listing', () => {
  test('the name is the container’s own, not that of a link', () => {
    assert.equal(read({ Names: ['/other/alias', '/web-ssh'] }).name, 'web-ssh');
    assert.equal(read({ Names: ['0123abc'] }).name, '0123abc');
  });

  test('its labels', () => {
    const Labels = {
      'decnet.fleet.service': 'true',
      'decnet.fleet.decky': 'web',
      'decnet.fleet.service_name': 'ssh',
    };
    const { decky, service } = read({ Labels });
    assert.deepEqual([decky, service], ['web', 'ssh']);
    assert.equal(read({ Labels: { 'com.docker.compose.project': 'x' } }).decky, null);
    assert.equal(read({ Labels: null }).decky, null);
  });

  test('its exit code and its health are in its status', () => {
    assert.equal(read({ State: 'exited', Status: 'Exited (137) 7 seconds ago' }).exitCode, 137);
    assert.equal(read({ State: 'restarting', Status: 'Restarting (1) 1 second ago' }).exitCode, 1);
    assert.equal(read({ State: 'created', Status: 'Created' }).exitCode, null);
    assert.equal(read({ Status: 'Up 11 seconds (unhealthy)' }).unhealthy, true);
    assert.equal(read({ Status: 'Up 11 seconds (healthy)' }).unhealthy, false);
    assert.equal(read({ Status: 'Up 2 seconds (health: starting)' }).unhealthy, false);
  });

  test('its uptime', () => {
    for (const [status, seconds] of [
      ['Up Less than a second', 0],
      ['Up 1 second', 1],
      ['Up 59 seconds (healthy)', 59],
      ['Up About a minute', 60],
      ['Up 4 minutes', 240],
      ['Up 5 minutes', 300],
      ['Up About an hour', null],
      ['Up 3 days', null],
      ['Exited (0) 2 seconds ago', null],
    ] as const) {
      assert.equal(upSeconds(status), seconds, status);
    }
  });

  test('only containers started clearly after their creation are suspects of a restart loop', () => {
    assert.equal(isSuspect(listed({ Status: 'Up 2 seconds' }), 1004), false, 'just made');
    assert.equal(isSuspect(listed({ Status: 'Up 2 seconds' }), 1006), true);
    assert.equal(isSuspect(listed({ Status: 'Up 2 seconds' }), 2000), true);
    assert.equal(isSuspect(listed({ Status: 'Up 5 minutes' }), 9000), false);
    assert.equal(isSuspect(listed({ State: 'exited', Status: 'Exited (1) 2 seconds ago' }), 2000), false);
  });
});
