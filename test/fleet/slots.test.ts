import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nextSlot, offsetOf, slotsDue } from '../../src/fleet/slots.ts';
import { fc } from '../harness/property.ts';

const hostName = fc.stringMatching(/^[a-z0-9-]{1,20}$/);
const interval = fc.integer({ min: 1000, max: 86_400_000 });

describe('slots', () => {
  test('rounds that follow each other give each host every slot, and each once', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.record({ host: hostName, intervalMs: interval }), {
          selector: ({ host }) => host,
          minLength: 1,
          maxLength: 8,
        }),
        fc.integer({ min: 1_600_000_000_000, max: 1_900_000_000_000 }),
        (hosts, start) => {
          const length = Math.min(...hosts.map((host) => host.intervalMs));
          const rounds = 20;
          const due = Array.from({ length: rounds }, (_, at) =>
            slotsDue(hosts, start + at * length, start + (at + 1) * length),
          ).flat();
          for (const scheduled of hosts) {
            const times = due.filter(({ host }) => host === scheduled.host).map(({ at }) => at);
            const expected: number[] = [];
            for (
              let at = nextSlot(scheduled, start);
              at < start + rounds * length;
              at += scheduled.intervalMs
            ) {
              expected.push(at);
            }
            assert.deepEqual(times, expected);
          }
        },
      ),
    );
  });

  test('a slot is at its host’s offset, whenever it is asked for', () => {
    fc.assert(
      fc.property(hostName, interval, fc.integer({ min: 0, max: 1e12 }), (host, every, from) => {
        const slot = nextSlot({ host, intervalMs: every }, from);
        assert.ok(slot >= from && slot < from + every);
        assert.equal(slot % every, offsetOf(host, every));
      }),
    );
  });

  test('a fleet is spread over the interval', () => {
    for (const name of ['host-', 'decoy-a', '3f2c9a71-0000-4000-8000-00000000']) {
      const tenths = new Array<number>(10).fill(0);
      for (let at = 0; at < 1000; at++) {
        const tenth = Math.floor(offsetOf(`${name}${at}`, 30_000) / 3000);
        tenths[tenth] = (tenths[tenth] ?? 0) + 1;
      }
      for (const count of tenths) assert.ok(count > 60 && count < 140, `${name}: ${tenths.join(' ')}`);
    }
  });
});
