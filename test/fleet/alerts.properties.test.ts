import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isDown } from '../../src/fleet/alerts/alert.ts';
import type { Cause } from '../../src/fleet/plan/cause.ts';
import type { FleetState } from '../../src/fleet/state.ts';
import { AlertTable, play, type Sent, type Step } from '../harness/alert-table.ts';
import { fc } from '../harness/property.ts';

const names = ['web', 'mail', 'dns', 'new-01'];
const died: Cause = { service: 'ssh', state: 'exited', exitCode: 1 };
const causes: readonly Cause[] = [
  died,
  { ...died, endedBy: 'request' },
  { ...died, endedBy: 'memory' },
  { ...died, deployment: { outcome: 'failed', of: 'new-01' } },
];
const states = ['running', 'running', 'pending', 'failed', 'degraded', 'torn_down', null] as const;

/** A row takes a state after some time; only what is down has a cause. */
const transitions = fc.array(
  fc.record({
    afterMs: fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: 60_000 })),
    name: fc.constantFrom(...names),
    to: fc.constantFrom(...states),
    cause: fc.constantFrom(...causes),
  }),
  { maxLength: 40 },
);
type Transitions = readonly { afterMs: number; name: string; to: FleetState | null; cause: Cause }[];

/** Three deckies run, and one was never deployed. */
function stepsOf(drawn: Transitions): readonly Step[] {
  const first = names.slice(0, 3).map((name): Step => ({ at: 0, name, to: 'running' }));
  let at = 5000;
  const steps = drawn.map(({ afterMs, name, to, cause }): Step => {
    at += afterMs;
    const isRow = to !== null && isDown(to);
    return { at, name, to, cause: isRow ? cause : null, reason: isRow ? `${cause.state} ${at}` : 'x' };
  });
  return [...first, ...steps.filter((step, index) => step.to !== null || existed(first, steps, index))];
}

/** Whether there is a row to delete. */
const existed = (first: readonly Step[], steps: readonly Step[], index: number): boolean =>
  [...first, ...steps.slice(0, index)].findLast(({ name }) => name === steps[index]?.name)?.to != null;

interface SentMessage {
  readonly isGrown: boolean;
  readonly incident: unknown;
  readonly at: number;
  readonly name: string;
  readonly kind: Sent['kind'];
}

const messagesOf = (sent: readonly Sent[]): readonly SentMessage[] =>
  sent.flatMap(({ at, kind, name, names: all, incident }) =>
    (name === null ? all : [name]).map((one) => ({
      at,
      name: one,
      kind,
      isGrown: incident?.event === 'grown',
      incident: incident?.id,
    })),
  );

const rowAt = (steps: readonly Step[], name: string, at: number): Step | undefined =>
  steps.findLast((step) => step.name === name && step.at <= at);

const isFlapping = ({ kind }: SentMessage): boolean => kind.endsWith('_flapping');
const saysDown = ({ kind }: SentMessage): boolean => kind.endsWith('_down') || kind === 'deployment_failed';

describe('whatever happens to the rows', () => {
  test('the last state is reported in the end, and nothing while a row is pending', () => {
    fc.assert(
      fc.property(transitions, (drawn) => {
        const steps = stepsOf(drawn);
        const table = new AlertTable();
        const sent = messagesOf(play(steps, { table, deckies: 4 }));
        for (const { subject } of table.alerts.values())
          assert.ok(
            subject.state === 'pending' || subject.state === subject.notified,
            JSON.stringify(subject),
          );
        // The end of an incident names what ran again before.
        for (const one of sent.filter((some) => saysDown(some) || isFlapping(some)))
          assert.notEqual(rowAt(steps, one.name, one.at)?.to, 'pending');
        for (const name of names) {
          const last = sent.findLast((one) => one.name === name);
          const state = rowAt(steps, name, Infinity)?.to;
          // A decky that is declared anew and never ran causes no alert.
          const own = steps.filter((step) => step.name === name);
          const isNew =
            last?.kind === 'decky_removed' ||
            last?.kind === 'host_cleared' ||
            (state != null &&
              own.findLastIndex(({ to }) => to === null) > own.findLastIndex(({ to }) => to === 'running'));
          if (last === undefined || isNew || state === 'pending') continue;
          assert.ok(!isFlapping(last), `${name} is still flapping`);
          const isBroken = state != null && isDown(state);
          // The end of an incident is reported when nothing of it is left.
          if (!isBroken && table.incidents.stored.length > 0) continue;
          assert.equal(saysDown(last), isBroken, `${name} is ${state}: ${last.kind}`);
        }
      }),
    );
  });

  test('no state is reported twice in a row', () => {
    fc.assert(
      fc.property(transitions, (drawn) => {
        const steps = stepsOf(drawn);
        const sent = messagesOf(play(steps, { deckies: 4 }));
        for (const [index, one] of sent.entries()) {
          const before = sent.slice(0, index).findLast(({ name }) => name === one.name);
          if (before === undefined || isFlapping(before)) continue;
          // Growth is reported with all that an incident affects, and is down.
          if (one.isGrown) {
            assert.ok(
              isFlapping(one) || isDown(rowAt(steps, one.name, one.at)?.to ?? ''),
              `${one.name} at ${one.at} is not down`,
            );
            continue;
          }
          // A failed deployment and another cause are two incidents: each is a change of a decky that is down.
          if (one.kind === 'deployment_failed' || before.kind === 'deployment_failed') continue;
          // Each of two incidents that a decky was part of has its end.
          if (!saysDown(before) && !saysDown(one) && before.incident !== one.incident) continue;
          const states = [before, one].map(({ at }) => rowAt(steps, one.name, at)?.to ?? 'removed');
          // The end of an incident is reported when nothing of it is left, so one that ran again may be reported down by the next one.
          const hasChanged = steps.some(
            ({ name, at, to }) =>
              name === one.name && at > before.at && at <= one.at && (to ?? 'removed') !== states[1],
          );
          assert.ok(
            isFlapping(one) || states[0] !== states[1] || hasChanged,
            `${one.name} at ${one.at}: ${states}`,
          );
        }
      }),
    );
  });

  test('the first down that lasts belongs to an incident within its settling', () => {
    fc.assert(
      fc.property(transitions, (drawn) => {
        const steps = stepsOf(drawn);
        const table = new AlertTable();
        play(steps, { table, deckies: 4 });
        for (const name of names.slice(0, 3)) {
          const own = steps.filter((step) => step.name === name);
          const at = own.findIndex(({ to }) => to === null || isDown(to));
          const [down, next] = [own[at], own[at + 1]];
          if (down === undefined || down.to === null) continue;
          const most = down.cause?.endedBy === 'request' ? 16_000 : 11_000;
          if ((next?.at ?? Infinity) - down.at <= most) continue;
          const first = table.incidents.first.get(`local ${name}`) ?? Infinity;
          assert.ok(first - down.at <= most, `${name} after ${first - down.at} ms`);
        }
      }),
    );
  });

  test('nobody’s first incident is later because another decky waits', () => {
    fc.assert(
      fc.property(transitions, fc.integer({ min: 0, max: 100_000 }), (drawn, at) => {
        const steps = stepsOf(drawn);
        const asked: Step = { at, name: 'other', to: 'failed', cause: { ...died, endedBy: 'request' } };
        const other: readonly Step[] = [{ at: 0, name: 'other', to: 'running' }, asked];
        const firstsOf = (all: readonly Step[]): ReadonlyMap<string, number> => {
          const table = new AlertTable();
          play(all, { table, deckies: 100 });
          return table.incidents.first;
        };
        const [alone, together] = [firstsOf(steps), firstsOf([...other, ...steps])];
        for (const name of names) {
          const [a, b] = [alone, together].map((firsts) => firsts.get(`local ${name}`) ?? Infinity);
          assert.ok((b ?? 0) <= (a ?? 0), `${name}: ${a}, ${b}`);
        }
        const waited = (together.get('local other') ?? 0) - at;
        assert.ok(waited >= 13_000 && waited <= 16_000, `${waited} ms`);
      }),
    );
  });
});
