import { severity } from '../../fleet/state-styles.ts';
import { countOf } from '../../fleet/words.ts';
import type { HostView } from '../../views/report.ts';
import { addressOf, type FleetAddress } from '../address.ts';
import { type Html, html, type Part } from '../html.ts';
import type { Page } from '../layout.ts';
import { matchingHosts } from '../matching-hosts.ts';
import type { Views } from '../ports.ts';
import { age, hostPath, pausedMark, stateMark, stoppedMark } from '../words.ts';
import { filterFault, filterField, filterHelp } from './filter-box.ts';
import { byTrouble, sizeOf } from './host-order.ts';
import { otherForms } from './other-forms.ts';
import { paging } from './paging.ts';

const hostsPerPage = 200;

/** The page of all hosts in one table, those with problems first. A filter chooses the hosts with a decky that matches. */
export async function hostsPage({ report, pages }: Views, address: FleetAddress): Promise<Page> {
  const known = await report.hosts(null);
  const { hosts, matched } = await matchingHosts(pages, known, address);
  const all = [...hosts].sort(byTrouble);
  const last = Math.max(1, Math.ceil(all.length / hostsPerPage));
  const page = Math.min(address.page, last);
  const shown = all.slice((page - 1) * hostsPerPage, page * hostsPerPage);
  const here = (change: Partial<FleetAddress>): string => addressOf(address, change).replace(/^\//, '/hosts');
  return {
    title: 'Hosts',
    section: 'hosts',
    body: html`<h1>Hosts</h1>
${filterFault(address)}
<form class="filters" id="filters" role="search" action="/hosts" method="get">${filterField(address.q)}<button type="submit">Show</button></form>
${filterHelp('A host is shown if a decky of it matches. ')}
<div id="hosts" data-live>${
      known.length === 0
        ? noHosts
        : all.length === 0
          ? html`<p class="empty">No host has a decky that matches the filter. <a href="/hosts">Show all hosts</a>.</p>`
          : html`${matched === null ? null : html`<p class="help">${all.length.toLocaleString('en')} of ${countOf(known.length, 'host')} match.</p>`}${hostTable(shown, matched)}`
    }${paging(page, last, (one) => here({ page: one }))}${otherForms(withLimit(here({ page: 1 }).replace('/hosts', '/api/hosts')))}</div>`,
  };
}

export const noHosts: Html = html`<p class="empty">No host is known yet. Run <code>decnet-fleet up</code>, or <code>decnet-fleet worker</code> on a host. The host then appears here.</p>`;

const withLimit = (path: string): string => `${path}${path.includes('?') ? '&' : '?'}limit=1000`;

const hostTable = (hosts: readonly HostView[], matched: ReadonlyMap<string, number> | null): Html =>
  html`<table class="hosts"><caption class="quiet">Hosts, those with problems first</caption>
<thead><tr><th scope="col">Host</th><th scope="col">Monitored</th><th scope="col">Last pass</th><th scope="col">Docker</th><th scope="col" class="number">Deckies</th><th scope="col">States</th><th scope="col">Version</th></tr></thead>
<tbody>${hosts.map(
    (host) => html`<tr data-key="host ${host.host_uuid}" data-state="${monitored(host)} ${host.docker}">
<th scope="row"><a href="${hostPath(host.host_uuid)}">${host.host_uuid}</a></th>
<td>${monitoredPart(host)}</td>
<td class="age">${age(host.last_full_pass_at)}</td>
<td>${host.docker === 'unreachable' ? html`<span class="warn">unreachable</span>` : host.docker}</td>
<td class="number">${matched === null ? null : `${(matched.get(host.host_uuid) ?? 0).toLocaleString('en')} of `}${sizeOf(host).toLocaleString('en')}</td>
<td class="counts">${severity.map((state) =>
      (host.states[state] ?? 0) > 0
        ? html`<span>${(host.states[state] ?? 0).toLocaleString('en')} ${stateMark(state, host.stale)}</span>`
        : null,
    )}</td>
<td>${host.version ?? 'unknown'}</td></tr>`,
  )}</tbody></table>`;

function monitored({ stopped, paused, first_seen_at, stale }: HostView): string {
  if (stopped !== null) return 'stopped';
  if (first_seen_at === null) return 'never';
  if (paused !== null) return 'paused';
  return stale ? 'stale' : 'yes';
}

function monitoredPart(host: HostView): Part {
  const word = monitored(host);
  if (word === 'yes') return word;
  if (host.stopped !== null) return html`<span class="warn">${stoppedMark(host.stopped)}</span>`;
  return html`<span class="warn">${host.paused === null ? word : pausedMark(host.paused)}</span>`;
}
