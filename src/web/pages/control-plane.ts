import type { IncidentKind } from '../../fleet/incidents/incident.ts';
import { stateStyles } from '../../fleet/state-styles.ts';
import type { IncidentView } from '../../views/incidents.ts';
import type { HostView } from '../../views/report.ts';
import { type Html, html, type Part } from '../html.ts';
import { age } from '../words.ts';
import { isPaused, isStopped } from './host-order.ts';

/** The parts of which an incident says that they do not work, in their order. That the database works shows in the page itself. */
const parts: readonly { readonly name: string; readonly kind: IncidentKind; readonly fault: string }[] = [
  { name: 'Queues', kind: 'queues_unreachable', fault: 'unreachable' },
  { name: 'Scheduler', kind: 'scheduler_silent', fault: 'none' },
  { name: 'Messages', kind: 'notifications_undelivered', fault: 'not delivered' },
];

/** Whether the watching itself works, in one line. @param open the open incidents, at least those of the control plane */
export function controlPlane(open: readonly IncidentView[], hosts: readonly HostView[]): Html {
  const find = (kind: IncidentKind): IncidentView | undefined => open.find((one) => one.kind === kind);
  // A host whose passes are paused becomes stale, though its worker runs.
  const heard = hosts.filter((host) => (!host.stale || isPaused(host)) && !isStopped(host)).length;
  const paused = open
    .filter(({ kind }) => kind === 'queue_paused')
    .reduce((sum, { hosts: some }) => sum + some, 0);
  return html`<ul class="strip" aria-label="Control plane"><li>Database ${works}</li>
${parts.map(({ name, kind, fault }) => {
  const incident = find(kind);
  return html`<li>${name} ${incident === undefined ? works : broken(html`${fault} for ${age(incident.since, '')}`)}</li>`;
})}
<li>Workers ${heard === hosts.length ? html`<span class="ok">${heard.toLocaleString('en')}</span>` : html`<strong class="warn">${heard.toLocaleString('en')} of ${hosts.length.toLocaleString('en')}</strong>`} heard</li>
${paused > 0 ? html`<li><strong class="warn">${paused.toLocaleString('en')} paused</strong></li>` : null}</ul>`;
}

const works = html`<span class="ok"><span aria-hidden="true">${stateStyles.running.glyph}</span> ok</span>`;
const broken = (what: Part): Html =>
  html`<strong class="alarm"><span aria-hidden="true">${stateStyles.failed.glyph}</span> ${what}</strong>`;
