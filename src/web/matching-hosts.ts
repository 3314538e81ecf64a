import { hostAlone, isMatch, isOfHosts } from '../fleet/filter/match-filter.ts';
import type { HostView } from '../views/report.ts';
import { type FleetAddress, isFiltered } from './address.ts';
import type { Views } from './ports.ts';

/** The hosts that an address chooses. */
export interface MatchingHosts {
  readonly hosts: readonly HostView[];
  /** How many deckies of each host match the filter; null: there is no filter. */
  readonly matched: ReadonlyMap<string, number> | null;
}

/** Chooses the hosts with a decky that matches, and those without deckies that match by their names. */
export async function matchingHosts(
  pages: Views['pages'],
  all: readonly HostView[],
  address: Pick<FleetAddress, 'filter' | 'host'>,
): Promise<MatchingHosts> {
  const asked = all.filter(({ host_uuid }) => address.host === null || host_uuid === address.host);
  if (!isFiltered(address)) return { hosts: asked, matched: null };
  const matched = await pages.matched(address.filter);
  const isChosenByName = (host: string): boolean =>
    isOfHosts(address.filter) && isMatch(address.filter, hostAlone(host), 0);
  const hosts = asked.filter(
    ({ host_uuid }) => (matched.get(host_uuid) ?? 0) > 0 || isChosenByName(host_uuid),
  );
  return { hosts, matched };
}
