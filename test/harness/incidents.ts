import type { DeckyFacts } from '../../src/fleet/incidents/decky-facts.ts';
import type { ControlFacts, FleetFacts, HostFacts } from '../../src/fleet/incidents/facts.ts';
import type { Cause } from '../../src/fleet/plan/cause.ts';
import { now } from './facts.ts';

export const clear: ControlFacts = {
  queuesLostAt: null,
  queuesBackAt: null,
  queuesLocation: 'redis://127.0.0.1:6379/0',
  schedulerLostAt: null,
  undeliveredSince: null,
  paused: new Map(),
};

/** Of a process that sees nothing wrong. */
export const clearControl = { facts: () => clear, silent: () => undefined };

export const died: Cause = { service: 'ssh', state: 'exited', exitCode: 137 };

export const host = (name: string, more: Partial<HostFacts> = {}): HostFacts => ({
  host: name,
  deckies: 10,
  intervalMs: 30_000,
  staleSince: null,
  isLate: false,
  stopped: null,
  paused: null,
  resumedAt: null,
  unreachableSince: null,
  dockerReason: null,
  flappingSince: null,
  failing: null,
  under: null,
  isNotified: false,
  ...more,
});

export const broken = (name: string, more: Partial<DeckyFacts> = {}): DeckyFacts => ({
  host: 'a',
  name,
  state: 'failed',
  previous: 'running',
  isFlapping: false,
  rowState: 'failed',
  cause: died,
  reason: 'ssh: exited, code 137',
  image: 'debian',
  since: now - 5000,
  under: null,
  isNotified: false,
  ...more,
});

export const brokenOn = (
  hostName: string,
  count: number,
  more: Partial<DeckyFacts> = {},
): readonly DeckyFacts[] =>
  Array.from({ length: count }, (_, at) => broken(`decky-${at}`, { host: hostName, ...more }));

export const fleet = (more: Partial<FleetFacts> = {}): FleetFacts => {
  const { hosts = [], deckies = [] } = more;
  const known = new Set(hosts.map((one) => one.host));
  const others = [...new Set(deckies.map((one) => one.host))].filter((name) => !known.has(name));
  return {
    now,
    control: clear,
    deckies,
    open: [],
    ...more,
    hosts: [...hosts, ...others.map((name) => host(name))],
  };
};
