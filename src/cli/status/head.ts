import type { FleetState } from '../../fleet/state.ts';
import { severity } from '../../fleet/state-styles.ts';
import type { HostView } from '../../views/report.ts';
import { ago, countOf, paint, type Screen, stateText, wrap } from '../text.ts';

/** The sums over all hosts. */
export interface Sums {
  readonly hosts: number;
  readonly deckies: number;
  readonly states: Readonly<Partial<Record<FleetState, number>>>;
  /** The names of the hosts whose passes somebody paused. They do not count as stale. */
  readonly paused: readonly string[];
  /** The names of the hosts whose passes are too old; no worker has ever monitored the others of `unseen`. */
  readonly stale: readonly string[];
  readonly unseen: readonly string[];
  /** The names of the hosts whose Docker did not answer. */
  readonly unreachable: readonly string[];
}

export function sumsOf(hosts: readonly HostView[]): Sums {
  const states: Partial<Record<FleetState, number>> = {};
  for (const host of hosts)
    for (const state of severity) {
      const count = host.states[state] ?? 0;
      if (count > 0) states[state] = (states[state] ?? 0) + count;
    }
  const namesOf = (holds: (host: HostView) => boolean): readonly string[] =>
    hosts.filter(holds).map(({ host_uuid }) => host_uuid);
  return {
    hosts: hosts.length,
    deckies: Object.values(states).reduce((sum, count) => sum + count, 0),
    states,
    paused: namesOf(({ paused }) => paused !== null),
    stale: namesOf(({ stale, first_seen_at, paused }) => stale && first_seen_at !== null && paused === null),
    unseen: namesOf(({ first_seen_at }) => first_seen_at === null),
    unreachable: namesOf(({ docker }) => docker === 'unreachable'),
  };
}

/** The head of `status`: how many deckies are in which state, and which hosts are not observed. */
export function headText(screen: Screen, hosts: readonly HostView[]): string {
  const sums = sumsOf(hosts);
  const states = severity.flatMap((state) => {
    const count = sums.states[state] ?? 0;
    return count === 0 ? [] : [`${count.toLocaleString('en')} ${stateText(screen, state)}`];
  });
  const fresh = sums.hosts - sums.stale.length - sums.unseen.length - sums.paused.length;
  const ageOf = (name: string): string =>
    ago(hosts.find(({ host_uuid }) => host_uuid === name)?.last_full_pass_at ?? null);
  const ofHosts = [
    `${fresh.toLocaleString('en')} fresh`,
    ...some(screen, sums.stale, 'stale', (name) => `${name}, ${ageOf(name)}`),
    ...some(screen, sums.paused, 'paused', (name) => name),
    ...some(screen, sums.unreachable, 'without Docker', (name) => name),
    ...some(screen, sums.unseen, 'never monitored', (name) => name),
  ];
  return [
    line(screen, countOf(sums.deckies, 'decky'), states),
    line(screen, countOf(sums.hosts, 'host'), ofHosts),
  ].join('\n');
}

/** `5 deckies: 1 failed, 4 running` */
function line(screen: Screen, count: string, parts: readonly string[]): string {
  const lead = `${count}${parts.length === 0 ? '' : ': '}`;
  return `${paint(screen, 'bold', lead)}${wrap(parts.join(', '), screen.width, lead.length)}`;
}

/** The maximum number of names in the head. */
const few = 3;

/** `2 stale (host-7, 4 min ago; host-9, 2 h ago)`; nothing for no host. */
function some(
  screen: Screen,
  names: readonly string[],
  what: string,
  inWords: (name: string) => string,
): readonly string[] {
  if (names.length === 0) return [];
  const more = names.length > few ? [`${(names.length - few).toLocaleString('en')} more`] : [];
  const list = [...names.slice(0, few).map(inWords), ...more].join('; ');
  return [`${paint(screen, 'yellow', `${names.length.toLocaleString('en')} ${what}`)} (${list})`];
}
