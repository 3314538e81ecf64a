import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Change } from '../../src/fleet/plan/change.ts';
import type { Facts } from '../../src/fleet/plan/facts.ts';
import { noMemory } from '../../src/fleet/plan/memory.ts';
import { plan } from '../../src/fleet/plan/plan.ts';
import type { FleetState } from '../../src/fleet/state.ts';
import {
  absent,
  container,
  decky,
  declared,
  exited,
  facts,
  invalid,
  now,
  othersRow,
  row,
  seen,
  serviceOf,
  unreachable,
} from '../harness/facts.ts';

/** A plan in short: one word a change, and who is held. */
function short(given: Partial<Facts>) {
  const { changes, held } = plan(facts(given));
  const word = ({ action, name, from, to }: Change): string =>
    `${action} ${name} ${from ?? '-'}>${to ?? '-'}`;
  return { changes: changes.map(word), held: held.map(({ name }) => name) };
}

const running = seen(container('web'), serviceOf('web', 'ssh'));
const crashed = seen(container('web'), serviceOf('web', 'ssh', exited(137)));
const gone = seen();
const nothing = { changes: [], held: [] };

describe('rule 2: desired, not recorded', () => {
  test('is inserted with the observed state', () => {
    const desired = declared(decky('web'));
    assert.deepEqual(short({ desired, observed: running }).changes, ['insert web ->running']);
    assert.deepEqual(short({ desired, observed: crashed }).changes, ['insert web ->failed']);
    assert.deepEqual(short({ desired, observed: gone }).changes, ['insert web ->torn_down']);
  });

  test('is inserted as pending while Docker cannot be asked', () => {
    assert.deepEqual(short({ desired: declared(decky('web')), observed: unreachable }).changes, [
      'insert web ->pending',
    ]);
  });

  test('takes what the file says, and the reason', () => {
    const [change] = plan(facts({ desired: declared(decky('web')), observed: crashed })).changes;
    assert.equal(change?.lastError, 'ssh: exited, code 137');
    assert.deepEqual(change?.content, decky('web'));
  });
});

describe('rule 3: recorded, not desired', () => {
  const other = declared(decky('other'));
  const otherRow = row('other');

  test('is deleted when the file declares others of this host, even while its containers run', () => {
    const observed = seen(serviceOf('web', 'ssh'), serviceOf('other', 'ssh'));
    assert.deepEqual(short({ desired: other, recorded: [row('web'), otherRow], observed }).changes, [
      'delete web running>-',
    ]);
  });

  test('is deleted while Docker is unreachable, if the file declares others', () => {
    const given = { desired: other, recorded: [row('web'), otherRow], observed: unreachable };
    assert.deepEqual(short(given).changes, ['delete web running>-']);
  });

  for (const [what, desired] of [
    ['the file is absent', absent],
    ['the file declares no decky of this host', declared()],
  ] as const) {
    test(`${what}: a row whose containers still run is held`, () => {
      assert.deepEqual(short({ desired, recorded: [row('web')], observed: running }), {
        changes: [],
        held: ['web'],
      });
    });
    test(`${what}: a row is held while Docker is unreachable`, () => {
      assert.deepEqual(short({ desired, recorded: [row('web')], observed: unreachable }), {
        changes: [],
        held: ['web'],
      });
    });
    test(`${what}: a row without running containers is deleted`, () => {
      const dead = seen(container('web', exited(0)), serviceOf('web', 'ssh', exited(0)));
      assert.deepEqual(short({ desired, recorded: [row('web')], observed: dead }).changes, [
        'delete web running>-',
      ]);
    });
    test(`${what}: a row is held only while its base and a service of it run`, () => {
      const reached = [
        container('web-ssh'),
        serviceOf('web', 'telnet'),
        container('anything', { decky: 'web' }),
      ];
      for (const one of [container('web'), ...reached, serviceOf('web', 'ssh', { network: 'cut off' })])
        assert.deepEqual(short({ desired, recorded: [row('web')], observed: seen(one) }).held, [], one.name);
      const leftOver = [serviceOf('web', 'ssh', exited(1)), container('web-ssh')];
      assert.deepEqual(
        short({ desired, recorded: [row('web')], observed: seen(container('web'), ...leftOver) }).held,
        ['web'],
        'of two containers of a service the other one',
      );
      for (const one of reached) {
        assert.deepEqual(
          short({ desired, recorded: [row('web')], observed: seen(container('web'), one) }).held,
          ['web'],
          one.name,
        );
      }
    });
    test(`${what}: an unlabelled container of a service that was not recorded holds nothing`, () => {
      assert.deepEqual(
        short({ desired, recorded: [row('web')], observed: seen(container('web'), container('web-telnet')) })
          .held,
        [],
      );
    });
  }

  test('a held row still tells the truth about its containers', () => {
    const recorded = [row('web', { services: ['ssh', 'http'] })];
    const observed = seen(container('web'), serviceOf('web', 'ssh'), serviceOf('web', 'http', exited(1)));
    assert.deepEqual(short({ desired: absent, recorded, observed }), {
      changes: ['state web running>degraded'],
      held: ['web'],
    });
  });

  test('is held for the grace when another writer wrote it', () => {
    const given = { desired: other, observed: seen(serviceOf('other', 'ssh')) };
    assert.deepEqual(short({ ...given, recorded: [othersRow('web', 299), otherRow] }).held, ['web']);
    assert.deepEqual(short({ ...given, recorded: [othersRow('web', 301), otherRow] }).changes, [
      'delete web running>-',
    ]);
  });
});

describe('rule 4: both, and Docker disagrees', () => {
  const desired = declared(decky('web'));

  for (const state of [
    'pending',
    'running',
    'degraded',
    'torn_down',
    'tearing_down',
    'teardown_failed',
  ] as FleetState[]) {
    test(`a row that was ${state} takes the observed state`, () => {
      assert.deepEqual(short({ desired, recorded: [row('web', { state })], observed: crashed }).changes, [
        `state web ${state}>failed`,
      ]);
    });
  }

  test('the reason goes into last_error, and is null again when it runs', () => {
    const [down] = plan(facts({ desired, recorded: [row('web')], observed: crashed })).changes;
    assert.equal(down?.lastError, 'ssh: exited, code 137');
    const failed = row('web', { state: 'failed', lastError: 'ssh: exited, code 137' });
    const [up] = plan(facts({ desired, recorded: [failed], observed: running })).changes;
    assert.deepEqual([up?.to, up?.lastError], ['running', null]);
  });

  test('a new reason for the same state is written and is no transition', () => {
    const failed = row('web', { state: 'failed', lastError: 'ssh: exited, code 1' });
    assert.deepEqual(short({ desired, recorded: [failed], observed: crashed }).changes, [
      'reason web failed>failed',
    ]);
  });

  test('nothing is done when all agree', () => {
    assert.deepEqual(short({ desired, recorded: [row('web')], observed: running }), nothing);
  });

  test('a degraded decky is not called running before its suspects were inspected', () => {
    const recorded = [row('web', { state: 'degraded', lastError: 'ssh: restart loop' })];
    const suspect = seen(serviceOf('web', 'ssh', { loop: { kind: 'suspect' } }));
    assert.deepEqual(short({ desired, recorded, observed: suspect }), nothing);
    assert.deepEqual(
      short({ desired, recorded: [row('web', { state: 'failed' })], observed: suspect }).changes,
      ['state web failed>running'],
    );
  });
});

describe('rule 4: the grace', () => {
  const desired = declared(decky('web'));
  const others = (secondsAgo: number, state: FleetState) => [othersRow('web', secondsAgo, { state })];

  test('a running row without containers is left to its writer', () => {
    assert.deepEqual(short({ desired, recorded: others(14, 'running'), observed: gone }), {
      changes: [],
      held: ['web'],
    });
    assert.equal(
      plan(facts({ desired, recorded: others(14, 'running'), observed: gone })).held[0]?.reason,
      'written by another process 14 s ago (grace 300 s)',
    );
  });

  test('a pending row may only become running', () => {
    assert.deepEqual(short({ desired, recorded: others(5, 'pending'), observed: running }).changes, [
      'state web pending>running',
    ]);
    assert.deepEqual(short({ desired, recorded: others(5, 'pending'), observed: crashed }).held, ['web']);
  });

  test('a row in tear-down does not change at all', () => {
    const recorded = others(5, 'tearing_down');
    assert.deepEqual(short({ desired, recorded, observed: running }), { changes: [], held: ['web'] });
    const left = new Map([['web', { since: now - 5000, writtenAt: now - 5000, ran: true }]]);
    assert.deepEqual(short({ desired, recorded, observed: running, memory: { ...noMemory, left } }).held, [
      'web',
    ]);
  });

  test('is over after its time, and does not count from the future', () => {
    assert.deepEqual(short({ desired, recorded: others(300, 'running'), observed: gone }).changes, [
      'state web running>torn_down',
    ]);
    assert.deepEqual(short({ desired, recorded: others(-200, 'running'), observed: gone }).held, ['web']);
    assert.deepEqual(short({ desired, recorded: others(-301, 'running'), observed: gone }).changes, [
      'state web running>torn_down',
    ]);
  });

  test('of 0 leaves nothing to anybody', () => {
    assert.deepEqual(
      short({ graceSeconds: 0, desired, recorded: others(0, 'running'), observed: gone }).changes,
      ['state web running>torn_down'],
    );
  });

  test('once seen running, its state is ours again at once', () => {
    const first = plan(facts({ desired, recorded: others(10, 'running'), observed: running }));
    assert.deepEqual(first.changes, []);
    assert.equal(first.memory.left.get('web')?.ran, true);
    const later = facts({
      now: now + 5000,
      desired,
      recorded: others(10, 'running'),
      observed: crashed,
      memory: first.memory,
    });
    assert.deepEqual(
      plan(later).changes.map(({ to }) => to),
      ['failed'],
    );
  });

  test('a new write begins anew', () => {
    const left = new Map([['web', { since: now - 60_000, writtenAt: now - 60_000, ran: true }]]);
    const given = { desired, recorded: others(2, 'running'), observed: gone, memory: { ...noMemory, left } };
    assert.deepEqual(short(given).held, ['web']);
  });

  test('a writer that stamps its row every minute does not keep a dead one running', () => {
    const left = new Map([['web', { since: now - 300_000, writtenAt: now - 60_000, ran: false }]]);
    const given = { desired, recorded: others(1, 'running'), observed: gone, memory: { ...noMemory, left } };
    assert.deepEqual(short(given).changes, ['state web running>torn_down']);
    assert.equal(
      plan(facts(given)).memory.left.get('web')?.since,
      now - 300_000,
      'and the next stamp is not a new grace',
    );
  });

  test('a write after a grace that ended while no pass ran begins anew', () => {
    const left = new Map([['web', { since: now - 600_000, writtenAt: now - 302_000, ran: false }]]);
    const given = { recorded: others(1, 'running'), observed: gone, memory: { ...noMemory, left } };
    assert.deepEqual(short({ ...given, desired }).held, ['web']);
    assert.deepEqual(short({ ...given, desired: declared(decky('other')) }).held, ['web']);
    assert.equal(plan(facts({ ...given, desired })).memory.left.get('web')?.since, now);
  });

  test('a row that a pass changed to running keeps its writer’s content, and is not deleted', () => {
    const started = plan(facts({ desired: declared(), recorded: others(10, 'pending'), observed: running }));
    assert.deepEqual(
      started.changes.map(({ to }) => to),
      ['running'],
    );
    const ours = [row('web', { writtenAt: now })];
    const without = {
      desired: declared(decky('other')),
      recorded: ours,
      observed: running,
      memory: started.memory,
    };
    assert.deepEqual(short({ ...without, desired: declared(decky('other')) }).held, ['web']);
    const changed = declared(decky('web', ['ssh'], { distro: 'alpine' }));
    assert.deepEqual(short({ ...without, desired: changed }), { changes: [], held: ['web'] });
  });

  test('reports when to check again', () => {
    const decided = plan(facts({ desired, recorded: others(100, 'running'), observed: gone }));
    assert.equal(decided.requeueAfterMs.get('web'), 200_000);
  });
});

describe('rule 5: both, and the content differs', () => {
  const observed = running;

  test('the row takes it', () => {
    const desired = declared(decky('web', ['ssh'], { ip: '192.0.2.99', distro: 'alpine' }));
    const [change] = plan(facts({ desired, recorded: [row('web')], observed })).changes;
    assert.equal(change?.action, 'config');
    assert.deepEqual(change?.changed, ['distro', 'ip']);
    assert.equal(change?.content?.ip, '192.0.2.99');
  });

  test('times alone are no change, and ride along with another', () => {
    const times = { last_mutated: 5, last_login_attempt: 7 };
    assert.deepEqual(
      short({ desired: declared(decky('web', ['ssh'], times)), recorded: [row('web')], observed }),
      nothing,
    );
    const desired = declared(decky('web', ['ssh'], { ...times, distro: 'alpine' }));
    const [change] = plan(facts({ desired, recorded: [row('web')], observed })).changes;
    assert.equal(change?.content?.config.last_mutated, 5);
  });

  test('the order of keys is no change', () => {
    const config = { host_uuid: null, services: ['ssh'], ip: '192.0.2.7', name: 'web' };
    assert.deepEqual(
      short({ desired: declared({ ...decky('web'), config }), recorded: [row('web')], observed }),
      nothing,
    );
  });

  test('state and content change in one', () => {
    const desired = declared(decky('web', ['ssh', 'http']));
    const [change, ...rest] = plan(facts({ desired, recorded: [row('web')], observed })).changes;
    assert.deepEqual(rest, []);
    assert.deepEqual([change?.action, change?.to, change?.changed], ['state', 'degraded', ['services']]);
  });

  test('a row without content takes it', () => {
    const recorded = [row('web', { config: null, ip: null, services: [] })];
    assert.deepEqual(short({ desired: declared(decky('web')), recorded, observed }).changes, [
      'config web running>running',
    ]);
  });

  test('a field called __proto__ is a field', () => {
    const config = JSON.parse(
      '{"name":"web","ip":"192.0.2.7","services":["ssh"],"host_uuid":null,"__proto__":{"x":1}}',
    );
    assert.deepEqual(
      short({ desired: declared({ ...decky('web'), config }), recorded: [row('web')], observed }).changes,
      ['config web running>running'],
    );
  });
});

describe('rule 6: Docker is unreachable', () => {
  test('no state changes, whatever is recorded', () => {
    const recorded = [row('web', { state: 'failed', lastError: 'ssh: exited, code 1' })];
    assert.deepEqual(short({ desired: declared(decky('web')), recorded, observed: unreachable }), nothing);
  });

  test('content still follows the file', () => {
    const desired = declared(decky('web', ['ssh'], { distro: 'alpine' }));
    assert.deepEqual(short({ desired, recorded: [row('web')], observed: unreachable }).changes, [
      'config web running>running',
    ]);
  });
});

describe('rule 7: the file is invalid', () => {
  test('nothing is inserted, deleted or changed in content, and states are still taken', () => {
    const recorded = [row('web'), row('old', { services: ['ssh'] })];
    assert.deepEqual(short({ desired: invalid, recorded, observed: crashed }), {
      changes: ['state web running>failed', 'state old running>torn_down'],
      held: [],
    });
  });

  test('the recorded services are the expected ones', () => {
    const recorded = [row('web', { services: ['ssh', 'http', 7] })];
    assert.deepEqual(short({ desired: invalid, recorded, observed: running }).changes, [
      'state web running>degraded',
    ]);
  });
});

describe('a pass over some deckies', () => {
  test('looks at no others', () => {
    const given = {
      only: new Set(['web']),
      desired: declared(decky('web'), decky('new')),
      recorded: [row('web'), row('old')],
      observed: crashed,
    };
    assert.deepEqual(short(given).changes, ['state web running>failed']);
  });

  test('keeps what was noted of the others', () => {
    const held = new Map([
      ['web', { reason: 'x', since: 1 }],
      ['old', { reason: 'y', since: 2 }],
    ]);
    const decided = plan(
      facts({
        only: new Set(['web']),
        desired: declared(decky('web')),
        recorded: [row('web')],
        observed: running,
        memory: { ...noMemory, held },
      }),
    );
    assert.deepEqual([...decided.memory.held.keys()], ['old']);
  });
});

describe('contested rows', () => {
  const desired = declared(decky('web'));
  const transition = (from: FleetState | null, to: FleetState | null, secondsAgo: number) => ({
    name: 'web',
    from,
    to,
    at: now - secondsAgo * 1000,
  });

  test('a row changed back three times within ten minutes, the third by this plan', () => {
    const recentTransitions = [
      transition('running', 'failed', 700),
      transition('running', 'failed', 400),
      transition('running', 'failed', 200),
    ];
    const decided = plan(facts({ desired, recorded: [row('web')], observed: crashed, recentTransitions }));
    assert.deepEqual(decided.contested, ['web']);
    assert.match(
      decided.memory.contested.get('web')?.reason ?? '',
      /set it to running again, 3 times or more/,
    );
  });

  test('transitions that follow from each other are not', () => {
    const recentTransitions = [
      transition('running', 'failed', 400),
      transition('failed', 'running', 300),
      transition('running', 'failed', 200),
      transition('failed', 'running', 100),
    ];
    assert.deepEqual(
      plan(facts({ desired, recorded: [row('web')], observed: crashed, recentTransitions })).contested,
      [],
    );
  });

  test('what was long ago does not count', () => {
    const recentTransitions = [
      transition('running', 'failed', 1300),
      transition('running', 'failed', 900),
      transition('running', 'failed', 800),
    ];
    assert.deepEqual(
      plan(facts({ desired, recorded: [row('web')], observed: crashed, recentTransitions })).contested,
      [],
    );
  });

  test('a row that is deleted behind our back counts, too', () => {
    const recentTransitions = [
      transition(null, 'running', 400),
      transition(null, 'running', 300),
      transition(null, 'running', 200),
    ];
    assert.deepEqual(plan(facts({ desired, recorded: [], observed: running, recentTransitions })).contested, [
      'web',
    ]);
  });
});

describe('a restart loop', () => {
  test('tells when its window ends', () => {
    const observed = seen(serviceOf('web', 'ssh', { loop: { kind: 'loop', endsIn: 120 } }));
    assert.equal(
      plan(facts({ desired: declared(decky('web')), observed })).requeueAfterMs.get('web'),
      120_000,
    );
  });
});
