import { broken } from '../../fleet/filter/parse-filter.ts';
import { fleetStates } from '../../fleet/state.ts';
import { countOf } from '../../fleet/words.ts';
import type { Pages } from '../../views/pages.ts';
import type { HostView } from '../../views/report.ts';
import { addressOf, type FleetAddress, isFiltered, type View, views } from '../address.ts';
import { type Html, html, type Part } from '../html.ts';
import type { Page } from '../layout.ts';
import { type MatchingHosts, matchingHosts } from '../matching-hosts.ts';
import type { Views } from '../ports.ts';
import { controlPlane } from './control-plane.ts';
import { dayBand } from './day.ts';
import { filterFault, filterField, filterHelp } from './filter-box.ts';
import { hostGroup } from './host-group.ts';
import { brokenOf, byName, byTrouble, sizeOf, sumOf } from './host-order.ts';
import { noHosts } from './hosts.ts';
import { incidentList, incidentsShown } from './incidents.ts';
import { cellsAtMost, deckyMap } from './map.ts';
import { paging } from './paging.ts';
import { silenceList } from './silences.ts';
import { headline, totals } from './totals.ts';

/** The number of hosts on a page, and of deckies listed for each host. */
const hostsPerPage = 50;
const perHost = 20;
/** A larger fleet is drawn as a map. */
const listed = { deckies: 100, hosts: 10 };

/** The page of the fleet: what is wrong, then hosts and deckies, those with problems first. */
export async function fleetPage(
  { report, pages }: Views,
  address: FleetAddress,
  canChange: boolean,
): Promise<Page> {
  const all = await report.hosts(null);
  const open = await report.incidents({ open: true, since: null, limit: incidentsShown });
  const silences = await report.silences({ ended: false });
  const services = await pages.services();
  const day = isFiltered(address) || address.host !== null ? null : await pages.day();
  const { hosts, matched } = await matchingHosts(pages, all, address);
  const wanted = [...hosts].sort(address.order === 'name' ? byName : byTrouble);
  const last = Math.max(1, Math.ceil(wanted.length / hostsPerPage));
  const page = Math.min(address.page, last);
  const shown = wanted.slice((page - 1) * hostsPerPage, page * hostsPerPage);
  const view = viewOf(all, address);
  const content =
    view === 'map'
      ? await mapOf(pages, shown, address, matched)
      : await listOf(pages, shown, address, matched);
  return {
    title: headline(all),
    section: 'fleet',
    body: html`<h1 class="quiet">Fleet</h1>
<div id="control-plane" data-live>${controlPlane(open, all)}</div>
<div id="incidents" data-live>${incidentList(open)}${silenceList(silences, canChange)}</div>
<div id="totals" data-live>${totals(all, address)}</div>
<div id="day" data-live>${day === null || all.length === 0 ? null : dayBand(sumOf(all, brokenOf), day)}</div>
${filterFault(address)}
${filters(address, all, services)}
${filterHelp()}
<div id="hosts" data-live>${
      all.length === 0
        ? noHosts
        : wanted.length === 0
          ? html`<p class="empty">No decky matches the filters. <a href="/">Show the whole fleet</a>.</p>`
          : html`${matchCount(all, wanted, matched)}${viewChoice(all, address, view)}${content}`
    }${paging(page, last, (one) => addressOf(address, { page: one }))}</div>`,
  };
}

function viewOf(hosts: readonly HostView[], address: FleetAddress): View {
  if (address.view !== null) return address.view;
  if (isFiltered(address) || address.host !== null || address.open.length > 0) return 'list';
  return isLarge(hosts) ? 'map' : 'list';
}

const isLarge = (hosts: readonly HostView[]): boolean =>
  sumOf(hosts, sizeOf) > listed.deckies || hosts.length > listed.hosts;

/** How many deckies the filter chooses. */
function matchCount(
  all: readonly HostView[],
  shown: readonly HostView[],
  matched: MatchingHosts['matched'],
): Part {
  if (matched === null) return null;
  const some = sumOf(shown, ({ host_uuid }) => matched.get(host_uuid) ?? 0);
  return html`<p class="help" id="matches">${some.toLocaleString('en')} of ${countOf(sumOf(all, sizeOf), 'decky')} match, on ${countOf(shown.length, 'host')}.</p>`;
}

async function mapOf(
  pages: Pages,
  hosts: readonly HostView[],
  { filter }: FleetAddress,
  matched: MatchingHosts['matched'],
): Promise<Part> {
  const perTile = Math.floor(cellsAtMost / Math.max(1, hosts.length));
  return deckyMap(hosts, await pages.map(filter, namesOf(hosts), perTile), matched);
}

async function listOf(
  pages: Pages,
  hosts: readonly HostView[],
  address: FleetAddress,
  matched: MatchingHosts['matched'],
): Promise<Part> {
  const deckies = await pages.deckies(address.filter, {
    hosts: namesOf(hosts),
    open: address.host === null ? address.open : [address.host],
    perHost,
    quiet: !isFiltered(address),
    order: address.order,
  });
  const rows = Map.groupBy(deckies, ({ host_uuid }) => host_uuid);
  return hosts.map((host) => hostGroup(host, rows.get(host.host_uuid) ?? [], address, matched));
}

const namesOf = (hosts: readonly HostView[]): readonly string[] => hosts.map(({ host_uuid }) => host_uuid);

/** Links to the other view, and to the broken deckies with their reasons; a small fleet needs neither. */
function viewChoice(hosts: readonly HostView[], address: FleetAddress, view: View): Part {
  if (address.host !== null || (address.view === null && !isLarge(hosts))) return null;
  const down = isFiltered(address) ? 0 : sumOf(hosts, brokenOf);
  return html`<p class="views">${views.map(
    (one) =>
      html`<a href="${addressOf(address, { view: one, page: 1 })}"${one === view ? html` aria-current="true"` : null}>${one === 'map' ? 'Map' : 'List'}</a>`,
  )}${down > 0 ? html`<a href="${addressOf(address, { state: broken, view: null, page: 1 })}">The ${down.toLocaleString('en')} broken, with reasons</a>` : null}</p>`;
}

/** The choices of states; several at once are one more. */
const stateChoices = ({ state }: FleetAddress): readonly string[] => [
  broken,
  ...fleetStates,
  ...(state?.includes(',') ? [state] : []),
];

function filters(address: FleetAddress, hosts: readonly HostView[], services: readonly string[]): Html {
  const option = (value: string, text: string, chosen: boolean): Html =>
    html`<option value="${value}"${chosen ? html` selected` : null}>${text}</option>`;
  return html`<form class="filters" id="filters" role="search" action="/" method="get">
${filterField(address.q)}
<label><span>State</span><select name="state">${option('', 'any state', address.state === null)}${stateChoices(address).map((state) => option(state, state, address.state === state))}</select></label>
<label><span>Host</span><select name="host">${option('', 'any host', address.host === null)}${[...hosts].sort(byName).map(({ host_uuid }) => option(host_uuid, host_uuid, address.host === host_uuid))}</select></label>
<label><span>Service</span><select name="service">${option('', 'any service', address.service === null)}${services.map((service) => option(service, service, address.service === service))}</select></label>
<label><span>Order</span><select name="sort">${option('', 'broken first', address.order === 'broken')}${option('recent', 'latest first', address.order === 'recent')}${option('name', 'by name', address.order === 'name')}</select></label>
${address.view === null ? null : html`<input type="hidden" name="view" value="${address.view}">`}<button type="submit">Show</button>
</form>`;
}
