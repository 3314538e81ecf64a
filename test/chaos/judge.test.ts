import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ForeignWrite, type HostFacts, judge, type Transition } from './judge.ts';
import { type Container, isReached, type StateFile, stateOf } from './model.ts';
import { differences } from './quiet.ts';
import { type Timeline, timeline } from './timeline.ts';

const at = 1_000_000_000;
const container = (name: string, more: Partial<Container> = {}): Container => ({
  name,
  decky: name.includes('-') ? name.slice(0, name.indexOf('-')) : null,
  service: name.includes('-') ? name.slice(name.indexOf('-') + 1) : null,
  status: 'running',
  unhealthy: false,
  exitCode: 0,
  restarts: 0,
  createdAt: at - 900_000,
  startedAt: at - 900_000,
  ...more,
});
const declares = (...names: string[]): StateFile => ({
  kind: 'declares',
  deckies: new Map(names.map((name) => [name, ['ssh']])),
});

describe('the model of the walk', () => {
  const of = (...containers: Container[]) => stateOf('web', ['ssh', 'http', 'sniffer'], containers, at);
  const [base, ssh, http] = [container('web'), container('web-ssh'), container('web-http')];
  test('computes the states of the contract', () => {
    assert.equal(of(base, ssh, http), 'running');
    assert.equal(of(base, ssh), 'degraded');
    assert.equal(of(), 'torn_down');
    assert.equal(of(base), 'torn_down');
    assert.equal(of(ssh, http), 'running');
    assert.equal(of(container('web', { status: 'exited' }), ssh, http), 'degraded');
    assert.equal(
      of(base, container('web-ssh', { status: 'paused' }), container('web-http', { status: 'exited' })),
      'failed',
    );
    assert.equal(of(base, ssh, container('web-http', { unhealthy: true })), 'degraded');
    const looping = { restarts: 3, startedAt: at - 299_000 };
    assert.equal(of(base, ssh, container('web-http', looping)), 'degraded');
    assert.equal(of(base, ssh, container('web-http', { ...looping, startedAt: at - 300_000 })), 'running');
    assert.equal(stateOf('web', ['sniffer'], [base], at), 'running');
    assert.equal(
      stateOf('web', ['smtp_relay'], [container('web-smtp-relay', { decky: null, service: null })], at),
      'running',
    );
  });
});

test('the model holds a decky that can be reached: its base, and a service that has a container', () => {
  const reached = (services: readonly string[], ...containers: Container[]) =>
    isReached('web', services, containers, at);
  const [base, ssh] = [container('web'), container('web-ssh')];
  assert.equal(reached(['ssh'], base, ssh), true);
  assert.equal(reached(['http'], base, ssh), true);
  assert.equal(reached(['ssh'], base), false);
  assert.equal(reached(['ssh'], ssh), false);
  assert.equal(reached(['ssh'], container('web', { status: 'paused' }), ssh), false);
  assert.equal(reached(['sniffer'], base), true);
});

describe('the judge of the walk', () => {
  const facts = (more: {
    file?: Timeline<StateFile>;
    containers?: Readonly<Record<string, Timeline<Container | null>>>;
    foreign?: readonly (Omit<ForeignWrite, 'stampedAt'> & { stampedAt?: number })[];
  }): HostFacts => ({
    file: more.file ?? timeline(declares('web')),
    containers: new Map(
      Object.entries(more.containers ?? { 'web-ssh': timeline<Container | null>(container('web-ssh')) }),
    ),
    services: new Map([['web', [['ssh']]]]),
    foreign: new Map([['web', (more.foreign ?? []).map((write) => ({ stampedAt: write.at, ...write }))]]),
    graceMs: 10_000,
  });
  const says = (
    transition: Partial<Transition>,
    before: string | null,
    known: HostFacts,
    disturbed = false,
  ) =>
    judge({ id: 1, name: 'web', from: before, to: null, reason: null, at, ...transition }, before, known, {
      from: at - 5000,
      to: at + 1000,
      disturbed,
    });
  const killed = (): Timeline<Container | null> => {
    const line = timeline<Container | null>(container('web-ssh'));
    line.set(container('web-ssh', { status: 'exited' }), at - 1000);
    return line;
  };

  test('accepts correct transitions', () => {
    assert.equal(says({ to: 'running' }, null, facts({})), null);
    assert.equal(says({ to: 'failed' }, 'running', facts({ containers: { 'web-ssh': killed() } })), null);
    const gone = timeline(declares('web'));
    gone.set(declares('mail'), at - 100);
    assert.equal(says({ to: null }, 'running', facts({ file: gone })), null);
    assert.equal(says({ to: 'pending' }, null, facts({}), true), null);
  });

  test('detects a running decoy reported as dead, and a dead one reported as running', () => {
    assert.match(says({ to: 'failed' }, 'running', facts({})) ?? '', /never failed, only running/);
    const dead = { 'web-ssh': timeline<Container | null>(container('web-ssh', { status: 'exited' })) };
    assert.match(
      says({ to: 'running' }, 'failed', facts({ containers: dead })) ?? '',
      /never running, only failed/,
    );
    assert.match(says({ to: 'pending' }, null, facts({})) ?? '', /Docker answered/);
  });

  test('detects rows that are inserted or deleted without a reason', () => {
    assert.match(says({ to: null }, 'running', facts({})) ?? '', /was deleted/);
    assert.match(
      says({ to: null }, 'running', facts({ file: timeline<StateFile>({ kind: 'invalid' }) })) ?? '',
      /was deleted/,
    );
    const absent = timeline<StateFile>({ kind: 'absent' });
    const running = (name: string): Timeline<Container | null> => timeline<Container | null>(container(name));
    const whole = { web: running('web'), 'web-ssh': running('web-ssh') };
    assert.match(
      says({ to: null }, 'running', facts({ file: absent, containers: whole })) ?? '',
      /was deleted/,
    );
    for (const left of [{ web: whole.web }, { 'web-ssh': whole['web-ssh'] }])
      assert.equal(says({ to: null }, 'running', facts({ file: absent, containers: left })), null);
    assert.match(
      says({ to: 'running' }, null, facts({ file: timeline(declares('mail')) })) ?? '',
      /was inserted/,
    );
  });

  test('detects an inconsistent history', () => {
    const known = facts({});
    assert.match(says({ from: 'failed', to: 'running' }, 'degraded', known) ?? '', /starts from failed/);
    const foreign = [{ at: at - 3000, state: 'failed' }];
    assert.equal(says({ from: 'failed', to: 'running' }, 'degraded', facts({ foreign })), null);
  });

  test('detects a row that was changed within the grace period of its writer', () => {
    const containers = { 'web-ssh': timeline<Container | null>(container('web-ssh', { status: 'exited' })) };
    const foreign = [{ at: at - 4000, state: 'pending' }];
    assert.match(says({ to: 'failed' }, 'pending', facts({ containers, foreign })) ?? '', /within the grace/);
    assert.equal(
      says(
        { to: 'failed' },
        'pending',
        facts({ containers, foreign: [{ at: at - 9000, state: 'pending' }] }),
      ),
      null,
    );
    const late = [{ at: at - 4000, state: 'pending', stampedAt: at - 9000 }];
    assert.equal(says({ to: 'failed' }, 'pending', facts({ containers, foreign: late })), null);
    assert.equal(says({ to: 'running' }, 'pending', facts({ foreign })), null);
    const gone = timeline(declares('mail'));
    assert.match(
      says({ to: null }, 'pending', facts({ file: gone, containers, foreign })) ?? '',
      /deleted within the grace/,
    );
  });
});

test('differences of the rows are reported when everything is quiet', () => {
  const host = {
    file: timeline(declares('web', 'mail')),
    engine: { now: () => [container('web-ssh'), container('mail-ssh')] },
  } as unknown as Parameters<typeof differences>[0];
  const row = (name: string, state: string) => ({ name, state, services: ['ssh'], version: '1' });
  assert.equal(differences(host, [], [row('mail', 'running'), row('web', 'running')]), '');
  assert.match(
    differences(host, [], [row('web', 'failed'), row('old', 'running')]),
    /web is failed.*mail is not recorded.*old is recorded/,
  );
});
