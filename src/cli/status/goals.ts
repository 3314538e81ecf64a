import { pausedWords } from '../../fleet/pause.ts';
import { countOf } from '../text.ts';
import type { HostStatus } from './selection.ts';

/** What `wait` waits for. */
export const goals = ['converged', 'running', 'fresh'] as const;
export type Goal = (typeof goals)[number];

/** What is waited for: all hosts that a worker monitors, or these; all deckies of them, or these. */
export interface Wanted {
  readonly goal: Goal;
  readonly hosts: readonly string[];
  readonly deckies: readonly string[];
}

/**
 * What is missing for the goal, each in a few words; empty: it is reached. States of a host that is not observed are only last
 * known, and do not count.
 * @param found all hosts that are known, with their deckies
 */
export function missingFor(found: readonly HostStatus[], wanted: Wanted): readonly string[] {
  const { goal, hosts: names, deckies } = wanted;
  const hosts = wantedHosts(found, names);
  const unknown = names.filter((name) => !hosts.some(({ host_uuid }) => host_uuid === name));
  if (hosts.length === 0 && unknown.length === 0) return ['no host is monitored yet'];
  const isWanted = wantedDeckies(deckies);
  const recorded = new Set(hosts.flatMap((host) => host.deckies.map(({ name }) => name)));
  const missing = [
    ...unknown.map((name) => `host ${name} is unknown`),
    ...deckies.filter((name) => !recorded.has(name)).map((name) => `decky ${name} is not recorded`),
    ...hosts
      .filter((host) => deckies.length === 0 || host.deckies.some(isWanted))
      .flatMap((host) => {
        const unobserved = unobservedBecause(host, goal);
        return unobserved === null ? rules[goal](host, isWanted) : [unobserved];
      }),
  ];
  const isEmpty = goal === 'running' && recorded.size === 0 && missing.length === 0;
  return isEmpty ? ['no decky is recorded'] : missing;
}

const wantedHosts = (found: readonly HostStatus[], names: Wanted['hosts']): readonly HostStatus[] =>
  found.filter(({ host_uuid, first_seen_at }) =>
    names.length === 0 ? first_seen_at !== null : names.includes(host_uuid),
  );

const wantedDeckies =
  (names: Wanted['deckies']): IsWanted =>
  ({ name }) =>
    names.length === 0 || names.includes(name);

/** Why nothing certain is known of a host; null: it is observed. */
function unobservedBecause(
  { host_uuid: host, first_seen_at, stale, paused, docker }: HostStatus,
  goal: Goal,
) {
  if (first_seen_at === null) return `no worker has ever monitored host ${host}`;
  if (stale && paused !== null) return `host ${host} is ${pausedWords(paused)}`;
  if (stale) return `host ${host} is stale`;
  return goal !== 'fresh' && docker !== 'ok' ? `Docker of host ${host} does not answer` : null;
}

type IsWanted = (decky: { readonly name: string }) => boolean;

const rules: Readonly<Record<Goal, (host: HostStatus, isWanted: IsWanted) => readonly string[]>> = {
  fresh: () => [],
  running: (host, isWanted) =>
    host.deckies
      .filter((decky) => isWanted(decky) && decky.state !== 'running')
      .map(({ name, state, last_error }) => {
        const reason = last_error === null ? '' : ` (${last_error})`;
        return `${name} on host ${host.host_uuid} is ${state}${reason}`;
      }),
  converged: (host, isWanted) => {
    const { host_uuid: name, last_error, deploying, held, contested, deckies } = host;
    const inMotion = deckies.filter(({ state }) => state === 'pending' || state === 'tearing_down');
    return [
      ...(last_error === null ? [] : [`the last pass of host ${name} failed: ${last_error}`]),
      ...(deploying === null ? [] : [`host ${name} deploys ${deploying.of}`]),
      ...inMotion.filter(isWanted).map((decky) => `${decky.name} on host ${name} is ${decky.state}`),
      ...held.filter(isWanted).map((row) => `${row.name} on host ${name} is held: ${row.reason}`),
      ...contested.filter(isWanted).map((row) => `${row.name} on host ${name} is contested`),
    ];
  },
};

/** The most things that are named at once. */
const few = 5;

/** `a; b; and 7 more` */
export const listOf = (missing: readonly string[]): string =>
  missing.length <= few
    ? missing.join('; ')
    : `${missing.slice(0, few).join('; ')}; and ${(missing.length - few).toLocaleString('en')} more`;

/** `120 deckies on 3 hosts` */
export function reachedText(found: readonly HostStatus[], { hosts: names, deckies }: Wanted): string {
  const hosts = wantedHosts(found, names);
  const count = hosts.flatMap((host) => host.deckies).filter(wantedDeckies(deckies)).length;
  return `${countOf(count, 'decky')} on ${countOf(hosts.length, 'host')}`;
}
