import { hostAlone, isMatch, isOfHosts, type Subject } from '../../fleet/filter/match-filter.ts';
import type { Filter } from '../../fleet/filter/term.ts';
import type { FleetState } from '../../fleet/state.ts';
import { isBroken, severity } from '../../fleet/state-styles.ts';
import { textsOf } from '../../lib/json.ts';
import type { DeckyRow, HostView } from '../../views/report.ts';

/** A host and the deckies of it that are shown. */
export interface HostStatus extends HostView {
  readonly deckies: readonly DeckyRow[];
}

export const sortKeys = ['severity', 'name', 'since', 'ip'] as const;
export type SortKey = (typeof sortKeys)[number];

/** What a reader asked for. An empty list: no filter. */
export interface Selection {
  readonly states: readonly FleetState[];
  readonly services: readonly string[];
  readonly filter: Filter;
  readonly isBrokenOnly: boolean;
  /** Null: the default order of the form. */
  readonly sort: SortKey | null;
}

/**
 * Whether a host is not observed: its passes are too old or failed, or its Docker did not answer. A host that no worker has ever
 * monitored is not: nobody expects passes of it. One whose passes are paused on purpose is not broken because they are old.
 */
export const isHostBroken = ({ first_seen_at, stale, paused, docker, last_error }: HostView): boolean =>
  first_seen_at !== null && ((stale && paused === null) || docker === 'unreachable' || last_error !== null);

export const isFiltered = ({ states, services, filter, isBrokenOnly }: Selection): boolean =>
  isBrokenOnly || states.length > 0 || services.length > 0 || filter.length > 0;

const subjectOf = (host: string, { name, ip, services, state, last_error, since }: DeckyRow): Subject => ({
  host,
  decky: name,
  ip,
  services: textsOf(services),
  state,
  reason: last_error,
  changedAt: since === null ? null : Date.parse(since),
});

/**
 * The hosts with the deckies that were asked for. A host without any is left out, unless no filter is set, it is broken or the filter
 * names it.
 * @param now epoch milliseconds
 */
export function selected(
  hosts: readonly HostStatus[],
  selection: Selection,
  now: number = Date.now(),
): readonly HostStatus[] {
  if (!isFiltered(selection)) return hosts;
  const { states, services, filter, isBrokenOnly } = selection;
  const matches = (host: string, decky: DeckyRow): boolean =>
    isMatch(filter, subjectOf(host, decky), now) &&
    (states.length === 0 || states.includes(decky.state)) &&
    (services.length === 0 || textsOf(decky.services).some((one) => services.includes(one))) &&
    (!isBrokenOnly || isBroken(decky.state));
  return hosts
    .map((host) => ({ ...host, deckies: host.deckies.filter((decky) => matches(host.host_uuid, decky)) }))
    .filter(
      (host) =>
        host.deckies.length > 0 ||
        (isOfHosts(filter) && isMatch(filter, hostAlone(host.host_uuid), now) && isBare(host, selection)),
    );
}

/** Whether a host is shown without deckies. */
const isBare = (host: HostStatus, { states, services, isBrokenOnly }: Selection): boolean =>
  isBrokenOnly ? isHostBroken(host) : states.length === 0 && services.length === 0;

/** Whether anything of what is shown is broken. */
export const anyBroken = (hosts: readonly HostStatus[]): boolean =>
  hosts.some((host) => isHostBroken(host) || host.deckies.some(({ state }) => isBroken(state)));

type Order = (a: DeckyRow, b: DeckyRow) => number;

const bySince: Order = (a, b) => Date.parse(b.since ?? '0') - Date.parse(a.since ?? '0');
const byName: Order = (a, b) => a.name.localeCompare(b.name);

const orders: Readonly<Record<SortKey, Order>> = {
  severity: (a, b) => severity.indexOf(a.state) - severity.indexOf(b.state) || bySince(a, b) || byName(a, b),
  name: byName,
  since: (a, b) => bySince(a, b) || byName(a, b),
  ip: (a, b) => (a.ip ?? '').localeCompare(b.ip ?? '', 'en', { numeric: true }) || byName(a, b),
};

export const sorted = <D extends DeckyRow>(deckies: readonly D[], key: SortKey): readonly D[] =>
  [...deckies].sort(orders[key]);

/** The hosts with the most broken deckies first, then those that are not observed. */
export function worstFirst(hosts: readonly HostStatus[]): readonly HostStatus[] {
  const brokenIn = new Map(
    hosts.map((host) => [host, host.deckies.filter(({ state }) => isBroken(state)).length]),
  );
  return [...hosts].sort(
    (a, b) =>
      (brokenIn.get(b) ?? 0) - (brokenIn.get(a) ?? 0) ||
      Number(isHostBroken(b)) - Number(isHostBroken(a)) ||
      a.host_uuid.localeCompare(b.host_uuid),
  );
}
