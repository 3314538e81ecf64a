import { randomUUID } from 'node:crypto';
import type { Decky } from '../../src/fleet/decky.ts';
import type { Desired } from '../../src/fleet/desired.ts';
import type { Container } from '../../src/fleet/plan/container-match.ts';
import { noExplanations } from '../../src/fleet/plan/explanations.ts';
import { type EngineAnswer, type Facts, noDecnetWrites, type Row } from '../../src/fleet/plan/facts.ts';
import { noMemory } from '../../src/fleet/plan/memory.ts';
import { portsOff } from '../../src/fleet/plan/ports.ts';
import { FleetError } from '../../src/lib/errors.ts';
import type { JsonObject } from '../../src/lib/json.ts';

/** Builders of facts with default values, which a test overrides. */

export const now = Date.parse('2026-03-01T12:00:00Z');

export function decky(name: string, services: readonly string[] = ['ssh'], more: JsonObject = {}): Decky {
  const config = { name, ip: '192.0.2.7', services, host_uuid: null, ...more };
  return { name, ip: config.ip, services, config };
}

export const declared = (...deckies: readonly Decky[]): Desired => ({
  kind: 'declared',
  revision: randomUUID(),
  changedAt: null,
  deckies: new Map(deckies.map((decky) => [decky.name, decky])),
  peers: new Map(),
});

export const absent: Desired = { kind: 'absent' };

export const invalid: Desired = {
  kind: 'invalid',
  error: new FleetError('STATE_FILE_INVALID', 'state.json: config.deckies[0].ip is missing'),
};

/** A row that a pass wrote long ago, with the content of `decky(name)`. */
export function row(name: string, more: Partial<Row> = {}): Row {
  const { ip, services, config } = decky(name);
  return {
    name,
    ip,
    services,
    config,
    state: 'running',
    lastError: null,
    ours: true,
    writtenAt: now - 3_600_000,
    updatedUs: (now - 3_600_000) * 1000,
    lastSeenUs: (now - 3_600_000) * 1000,
    ...more,
  };
}

/** A row that another program wrote `ago` seconds ago. */
export const othersRow = (name: string, secondsAgo: number, more: Partial<Row> = {}): Row =>
  row(name, { ours: false, writtenAt: now - secondsAgo * 1000, ...more });

export function container(name: string, more: Partial<Container> = {}): Container {
  return {
    name,
    decky: null,
    service: null,
    state: 'running',
    exitCode: null,
    unhealthy: false,
    createdAt: 1,
    ageSeconds: 3600,
    loop: { kind: 'none' },
    isOfDecnet: false,
    isOfTopology: false,
    network: 'own',
    owner: null,
    startedBeforeBase: false,
    ...more,
  };
}

/** A labelled container of a service. */
export const serviceOf = (name: string, service: string, more: Partial<Container> = {}): Container =>
  container(`${name}-${service}`, { decky: name, service, ...more });

export const exited = (code: number): Partial<Container> => ({ state: 'exited', exitCode: code });

export const seen = (...containers: readonly Container[]): EngineAnswer => ({
  kind: 'ok',
  containers,
  isWhole: true,
  now: now / 1000,
  ports: portsOff,
});

export const unreachable: EngineAnswer = { kind: 'unreachable', reason: 'there is no socket' };

export const facts = (more: Partial<Facts> = {}): Facts => ({
  now,
  graceSeconds: 300,
  only: null,
  desired: declared(),
  recorded: [],
  observed: seen(),
  memory: noMemory,
  explanations: noExplanations,
  rolloutSeconds: 0,
  fileChangedAt: 0,
  recentTransitions: [],
  decnet: noDecnetWrites,
  ...more,
});
