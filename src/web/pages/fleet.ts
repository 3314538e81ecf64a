import { nextSlot } from '../../fleet/slots.ts';
import { type FleetState, fleetStates } from '../../fleet/state.ts';
import { countOf, severity, undeclaredCounts, withMeaning } from '../../fleet/words.ts';
import { textsOf } from '../../lib/json.ts';
import type { ListedDecky } from '../../views/pages.ts';
import type { HostView } from '../../views/report.ts';
import { addressOf, broken, type FleetAddress, isFiltered } from '../address.ts';
import { type Html, html, type Part } from '../html.ts';
import type { Page } from '../layout.ts';
import type { Views } from '../ports.ts';
import {
  age,
  deckyPath,
  hostPath,
  hostTrouble,
  intervalsSince,
  stateMark,
  stoppedMark,
  until,
} from '../words.ts';
import { brokenOf, byName, byTrouble, isStopped, sizeOf } from './host-order.ts';
import { noHosts } from './hosts.ts';
import { incidentList, incidentsShown } from './incidents.ts';
import { paging } from './paging.ts';
import { livingLine } from './undeclared.ts';

/** The number of hosts on a page, and of deckies listed for each host. */
const hostsPerPage = 50;
const perHost = 20;

/** The page of the fleet: hosts and deckies, those with problems first. */
export async function fleetPage({ report, pages }: Views, address: FleetAddress): Promise<Page> {
  const all = await report.hosts(null);
  const open = await report.incidents({ open: true, since: null, limit: incidentsShown });
  const services = await pages.services();
  const matched = isFiltered(address) ? await pages.matched(address) : null;
  const wanted = all
    .filter(({ host_uuid }) => address.host === null || host_uuid === address.host)
    .filter(({ host_uuid }) => matched === null || (matched.get(host_uuid) ?? 0) > 0)
    .sort(address.order === 'name' ? byName : byTrouble);
  const last = Math.max(1, Math.ceil(wanted.length / hostsPerPage));
  const page = Math.min(address.page, last);
  const shown = wanted.slice((page - 1) * hostsPerPage, page * hostsPerPage);
  const deckies = await pages.deckies(address, {
    hosts: shown.map(({ host_uuid }) => host_uuid),
    open: address.host === null ? address.open : [address.host],
    perHost,
    quiet: !isFiltered(address),
    order: address.order,
  });
  const rows = Map.groupBy(deckies, ({ host_uuid }) => host_uuid);
  return {
    title: headline(all),
    section: 'fleet',
    body: html`<h1 class="quiet">Fleet</h1>
<div id="incidents" data-live>${incidentList(open)}</div>
<div id="totals" data-live>${totals(all, address)}</div>
${address.notUnderstood === null ? null : html`<p class="trouble" role="alert">${address.notUnderstood.line}</p>`}
${filters(address, all, services)}
<div id="hosts" data-live>${
      all.length === 0
        ? noHosts
        : wanted.length === 0
          ? html`<p class="empty">No decky matches the filters. <a href="/">Show the whole fleet</a>.</p>`
          : shown.map((host) => hostGroup(host, rows.get(host.host_uuid) ?? [], address, matched))
    }${paging(page, last, (one) => addressOf(address, { page: one }))}</div>`,
  };
}

/** The title of the page: also shows problems while the tab is in the background. */
function headline(hosts: readonly HostView[]): string {
  const down = hosts.reduce((sum, host) => sum + (host.stale ? 0 : brokenOf(host)), 0);
  const stopped = hosts.filter(isStopped).length;
  const stale = hosts.filter((host) => host.stale && !isStopped(host)).length;
  return [
    down > 0 ? `${down} broken` : null,
    stale > 0 ? `${stale} stale` : null,
    stopped > 0 ? `${stopped} stopped` : null,
    'Fleet',
  ]
    .filter((part) => part !== null)
    .join(', ');
}

function totals(hosts: readonly HostView[], address: FleetAddress): Html {
  const sum = (count: (host: HostView) => number): number =>
    hosts.reduce((total, host) => total + count(host), 0);
  const stopped = hosts.filter(isStopped);
  const stale = hosts.filter((host) => host.stale && !isStopped(host));
  // The states of stale hosts are only last known, so they are counted separately.
  const known = sum((host) => (host.stale ? sizeOf(host) : 0));
  const mute = hosts.filter((host) => !host.stale && host.docker === 'unreachable');
  const contested = sum((host) => host.contested.length);
  const held = sum((host) => host.held.length);
  const undeclared = undeclaredCounts(hosts.flatMap((host) => host.undeclared));
  const named = (some: readonly HostView[]): Part =>
    some
      .slice(0, 3)
      .map(
        (host, at) => html`${at > 0 ? ', ' : ''}<a href="${hostPath(host.host_uuid)}">${host.host_uuid}</a>`,
      );
  return html`<p class="totals"><strong class="figure">${countOf(sum(sizeOf), 'decky')}</strong>
${['running', ...severity.filter((state) => state !== 'running')].map((word) => {
  const state = word as FleetState;
  const count = sum((host) => (host.stale ? 0 : (host.states[state] ?? 0)));
  return count === 0
    ? null
    : html`<a href="${addressOf(address, { state: address.state === state ? null : state, page: 1 })}"${address.state === state ? html` aria-current="true"` : null}><span class="figure">${count.toLocaleString('en')}</span> ${stateMark(state)}</a>`;
})}${known > 0 ? html`<span class="state last-known"><span class="figure">${known.toLocaleString('en')}</span> last known</span>` : null}</p>
<p class="totals minor"><strong class="figure">${countOf(hosts.length, 'host')}</strong>
<span>${(hosts.length - stale.length - stopped.length).toLocaleString('en')} fresh</span>
${stale.length > 0 ? html`<span class="warn">${stale.length} stale (${named(stale)}${stale.length > 3 ? ' …' : ''})</span>` : null}
${stopped.length > 0 ? html`<span class="warn">${stopped.length} stopped (${named(stopped)}${stopped.length > 3 ? ' …' : ''})</span>` : null}
${mute.length > 0 ? html`<span class="warn">${mute.length} without Docker (${named(mute)}${mute.length > 3 ? ' …' : ''})</span>` : null}
${contested > 0 ? html`<span class="warn">${contested} contested</span>` : null}
${held > 0 ? html`<span>${held} held</span>` : null}
${undeclared.map((text) => html`<span class="warn">${text}</span>`)}</p>`;
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
<label class="grow"><span>Search</span><input type="search" name="q" value="${address.words.join(' ')}" placeholder="name, IP, service, reason …" autocomplete="off"></label>
<label><span>State</span><select name="state">${option('', 'any state', address.state === null)}${stateChoices(address).map((state) => option(state, state, address.state === state))}</select></label>
<label><span>Host</span><select name="host">${option('', 'any host', address.host === null)}${[...hosts].sort(byName).map(({ host_uuid }) => option(host_uuid, host_uuid, address.host === host_uuid))}</select></label>
<label><span>Service</span><select name="service">${option('', 'any service', address.service === null)}${services.map((service) => option(service, service, address.service === service))}</select></label>
<label><span>Order</span><select name="sort">${option('', 'broken first', address.order === 'broken')}${option('recent', 'latest first', address.order === 'recent')}${option('name', 'by name', address.order === 'name')}</select></label>
<button type="submit">Show</button>
</form>`;
}

const lastPass = (host: HostView): Part =>
  host.last_full_pass_at === null
    ? 'no full pass yet'
    : html`last pass ${age(host.last_full_pass_at)} (${intervalsSince(host)} intervals)`;

function hostGroup(
  host: HostView,
  deckies: readonly ListedDecky[],
  address: FleetAddress,
  matched: ReadonlyMap<string, number> | null,
): Html {
  const { host_uuid, interval_s, stale, stopped } = host;
  const total = matched?.get(host_uuid) ?? sizeOf(host);
  const isOpen = address.open.includes(host_uuid);
  const hidden = total - deckies.length;
  const next = nextSlot({ host: host_uuid, intervalMs: interval_s * 1000 }, Date.now());
  const trouble = hostTrouble(host, true);
  const notes = notesOf(host);
  return html`<section class="host ${stale ? 'stale' : ''}" data-key="host ${host_uuid}" aria-label="Host ${host_uuid}">
<h2><a href="${hostPath(host_uuid)}">${host_uuid}</a></h2>
<p class="facts"><span>${
    stopped !== null
      ? html`<strong class="warn">${stoppedMark(stopped)}</strong></span><span>${lastPass(host)}`
      : stale
        ? html`<strong class="warn">STALE: ${lastPass(host)}</strong>`
        : html`pass ${age(host.last_pass_at)}`
  }</span>${
    stale || stopped !== null
      ? null
      : html`<span>Docker ${host.docker === 'unreachable' ? html`<strong class="warn">unreachable</strong>` : host.docker}</span><span>next ${until(next)}</span>`
  }<span class="counts">${severity.map((state) =>
    (host.states[state] ?? 0) > 0
      ? html`<span>${host.states[state] ?? 0} ${stateMark(state, stale)}</span>`
      : null,
  )}</span></p>
${trouble === null ? null : html`<p class="trouble">${trouble}</p>`}
${livingLine(host)}
${
  deckies.length === 0 && total === 0
    ? html`<p class="empty">No decky is recorded on this host. Its state file declares none or has not been read yet.</p>`
    : deckies.length === 0
      ? null
      : deckyTable(host_uuid, deckies, stale, notes)
}
${
  hidden > 0
    ? html`<p class="more"><a href="${addressOf(address, { open: [...address.open, host_uuid] })}">… ${hidden.toLocaleString('en')} ${deckies.some(({ state }) => state === 'running') || matched !== null ? 'more' : stale ? 'last known' : 'running'}</a></p>`
    : isOpen
      ? html`<p class="more"><a href="${addressOf(address, { open: address.open.filter((one) => one !== host_uuid) })}">Show fewer</a></p>`
      : null
}
</section>`;
}

const deckyTable = (
  host: string,
  deckies: readonly ListedDecky[],
  stale: boolean,
  notes: ReadonlyMap<string, Part>,
): Html => html`<table class="deckies"><caption class="quiet">Deckies of ${host}</caption>
<thead><tr><th scope="col">Decky</th><th scope="col">State</th><th scope="col">Since</th><th scope="col">Reason</th><th scope="col">IP</th><th scope="col">Services</th></tr></thead>
<tbody>${deckies.map(
  (decky) => html`<tr data-key="${host} ${decky.name}" data-state="${decky.state}">
<th scope="row"><a href="${deckyPath(host, decky.name)}">${decky.name}</a></th>
<td>${stateMark(decky.state, stale)}</td>
<td class="age">${decky.since === null ? null : age(decky.since, '')}</td>
<td class="reason">${withMeaning(decky.last_error ?? '')}${notes.get(decky.name) ?? null}</td>
<td class="ip">${decky.ip ?? ''}</td>
<td class="services">${textsOf(decky.services).join(', ')}</td></tr>`,
)}</tbody></table>`;

function notesOf(host: HostView): ReadonlyMap<string, Part> {
  const note = (sign: string, title: string, reason: string): Html =>
    html` <span class="note" title="${title}">${sign}: ${reason}</span>`;
  return new Map<string, Part>([
    ...host.left.map(
      ({ name }) =>
        [
          name,
          note(
            'left',
            'Another program wrote this row recently; it is not changed during the grace period.',
            'to its writer',
          ),
        ] as const,
    ),
    ...host.held.map(
      ({ name, reason }) =>
        [
          name,
          note('held', 'This row is kept on purpose, although the file does not declare it.', reason),
        ] as const,
    ),
    ...host.contested.map(
      ({ name, reason }) =>
        [name, note('contested', 'Another program keeps changing this row back.', reason)] as const,
    ),
  ]);
}
