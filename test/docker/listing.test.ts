import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { containerOf, isSuspect, listedOf } from '../../src/docker/listed.ts';
import { ageOf, entryOf, type ListedContainer } from '../../src/docker/listing.ts';
import type { Network } from '../../src/fleet/plan/container-match.ts';

const entry = (more: Partial<ListedContainer> = {}) =>
  entryOf({
    Names: ['/web-ssh'],
    Labels: {},
    State: 'running',
    Status: 'Up 12 seconds',
    Created: 1000,
    ...more,
  });
const read = (more: Partial<ListedContainer>) => containerOf(listedOf(entry(more), 1012));

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

  test('its age', () => {
    const day = 86_400;
    for (const [status, least, max] of [
      ['Up Less than a second', 0, 1],
      ['Up 1 second', 1, 2],
      ['Up 59 seconds (healthy)', 59, 60],
      ['Up About a minute', 60, 120],
      ['Up 4 minutes (Paused)', 240, 300],
      ['Up About an hour', 1800, 5400],
      ['Up 2 hours', 5400, 9000],
      ['Up 3 days', 3 * day, 4 * day],
      ['Up 2 weeks', 14 * day, 21 * day],
      ['Up 4 months', 120 * day, 150 * day],
      ['Up 2 years', 730 * day, 1095 * day],
      ['Exited (0) 2 seconds ago', 2, 3],
      ['Exited (137) About a minute ago', 60, 120],
      ['Restarting (1) Less than a second ago', 0, 1],
    ] as const) {
      assert.deepEqual(ageOf(status), { least, max }, status);
    }
    for (const status of ['', 'Created', 'Up', 'Up some time', 'Up 1234567 seconds', 'Removal In Progress'])
      assert.equal(ageOf(status), null, status);
  });

  test('when it was started', () => {
    // The engine's clock says 1012; Docker's ages and its clock are whole seconds.
    assert.deepEqual(listedOf(entry({ Status: 'Up 5 seconds' }), 1012).started, {
      earliest: 1004,
      latest: 1009,
    });
    assert.deepEqual(listedOf(entry({ Status: 'Up 3 hours' }), 20_000).started, {
      earliest: 20_000 - 3.5 * 3600 - 2,
      latest: 20_000 - 2.5 * 3600 + 2,
    });
    assert.deepEqual(listedOf(entry({ Status: 'odd' }), 1012).started, { earliest: 1000, latest: 1012 });
    assert.notEqual(
      listedOf(entry({ State: 'paused', Status: 'Up 5 seconds (Paused)' }), 1012).started,
      null,
    );
    assert.equal(
      listedOf(entry({ State: 'exited', Status: 'Exited (0) 5 seconds ago' }), 1012).started,
      null,
    );
  });

  test('whose network it shares', () => {
    const joins = (NetworkMode: unknown) => listedOf(entry({ HostConfig: { NetworkMode } }), 1012);
    assert.equal(joins('container:abc').owner, 'abc');
    assert.equal(joins('container:abc').network, 'unverified');
    for (const mode of ['none', 'decnet_lan', '', null, 7]) {
      assert.equal(joins(mode).owner, null);
      assert.equal(joins(mode).network, 'own');
    }
  });

  test('what a pass has found out: the next pass begins without it, and what was returned stays true', () => {
    const joined = entry({ HostConfig: { NetworkMode: 'container:abc' } });
    const passOf = (network: Network) => {
      const listed = listedOf(joined, 1012);
      const before = [listed.loop.kind, listed.network, listed.ownerName, listed.startedBeforeBase];
      assert.deepEqual(before, ['none', 'unverified', null, false]);
      return containerOf(Object.assign(listed, { network, ownerName: 'web' }));
    };
    const [first, same, cutOff] = [passOf('shared'), passOf('shared'), passOf('cut off')];
    assert.equal(first, same, 'one object while nothing changes');
    assert.deepEqual(
      [first.network, first.owner, cutOff.network, cutOff.owner],
      ['shared', 'web', 'cut off', 'web'],
    );
    const looping = Object.assign(listedOf(joined, 1012), {
      loop: { kind: 'loop', endsIn: 7 },
      startedBeforeBase: true,
    });
    assert.deepEqual(containerOf(looping).loop, { kind: 'loop', endsIn: 7 });
    assert.equal(containerOf(looping).startedBeforeBase, true);
    assert.deepEqual([cutOff.loop.kind, cutOff.startedBeforeBase], ['none', false]);
  });

  test('a topology’s container, and one of DECNET’s Compose project', () => {
    assert.equal(read({ Labels: { 'decnet.topology.': 'x' } }).isOfTopology, true);
    assert.equal(read({ Labels: { 'com.docker.compose.project': 'decnet' } }).isOfDecnet, true);
    assert.equal(read({ Labels: { 'com.docker.compose.project': 'other' } }).isOfDecnet, false);
  });

  test('only containers started clearly after their creation are suspects of a restart loop', () => {
    assert.equal(isSuspect(entry({ Status: 'Up 2 seconds' }), 1004), false, 'just made');
    assert.equal(isSuspect(entry({ Status: 'Up 2 seconds' }), 1006), true);
    assert.equal(isSuspect(entry({ Status: 'Up 2 seconds' }), 2000), true);
    assert.equal(isSuspect(entry({ Status: 'Up 5 minutes' }), 9000), false);
    assert.equal(isSuspect(entry({ State: 'exited', Status: 'Exited (1) 2 seconds ago' }), 2000), false);
  });
});
