import { severity } from '../../fleet/words.ts';
import type { HostView } from '../../views/report.ts';
import { type Html, html, type Part } from '../html.ts';
import type { Page } from '../layout.ts';
import type { Views } from '../ports.ts';
import { age, hostPath, pausedMark, stateMark, stoppedMark } from '../words.ts';
import { byTrouble, sizeOf } from './host-order.ts';
import { otherForms } from './other-forms.ts';
import { paging } from './paging.ts';

const hostsPerPage = 200;

/** The page of all hosts in one table, those with problems first. @param page from 1 */
export async function hostsPage({ report }: Pick<Views, 'report'>, page: number): Promise<Page> {
  const all = [...(await report.hosts(null))].sort(byTrouble);
  const last = Math.max(1, Math.ceil(all.length / hostsPerPage));
  const now = Math.min(page, last);
  const shown = all.slice((now - 1) * hostsPerPage, now * hostsPerPage);
  return {
    title: 'Hosts',
    section: 'hosts',
    body: html`<h1>Hosts</h1>
<div id="hosts" data-live>${
      all.length === 0 ? noHosts : hostTable(shown)
    }${paging(now, last, (one) => `/hosts?page=${one}`)}${otherForms('/api/hosts?limit=1000')}</div>`,
  };
}

export const noHosts: Html = html`<p class="empty">No host is known yet. Run <code>decnet-fleet up</code>, or <code>node worker.ts</code> on a host. The host then appears here.</p>`;

const hostTable = (hosts: readonly HostView[]): Html =>
  html`<table class="hosts"><caption class="quiet">Hosts, those with problems first</caption>
<thead><tr><th scope="col">Host</th><th scope="col">Monitored</th><th scope="col">Last pass</th><th scope="col">Docker</th><th scope="col" class="number">Deckies</th><th scope="col">States</th><th scope="col">Version</th></tr></thead>
<tbody>${hosts.map(
    (host) => html`<tr data-key="host ${host.host_uuid}" data-state="${monitored(host)} ${host.docker}">
<th scope="row"><a href="${hostPath(host.host_uuid)}">${host.host_uuid}</a></th>
<td>${monitoredPart(host)}</td>
<td class="age">${age(host.last_full_pass_at)}</td>
<td>${host.docker === 'unreachable' ? html`<span class="warn">unreachable</span>` : host.docker}</td>
<td class="number">${sizeOf(host).toLocaleString('en')}</td>
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
