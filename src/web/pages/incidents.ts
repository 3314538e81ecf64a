import { incidentSummary } from '../../fleet/incidents/summary.ts';
import { incidentMarks } from '../../fleet/silences/words.ts';
import { isFleetState } from '../../fleet/state.ts';
import { capital } from '../../lib/text.ts';
import type { IncidentView } from '../../views/incidents.ts';
import { fleetPath } from '../address.ts';
import { type Html, html } from '../html.ts';
import { age } from '../words.ts';

/** The number of incidents at the top of the fleet's page. */
export const incidentsShown = 20;

/** What is wrong now, by cause; nothing if nothing is. */
export const incidentList = (open: readonly IncidentView[]): Html | null =>
  open.length === 0
    ? null
    : html`<section aria-label="Incidents"><h2>What is wrong now</h2>
${open.map(incidentLine)}${open.length === incidentsShown ? html`<p class="more">More with <code>decnet-fleet incidents</code>.</p>` : null}</section>`;

/** More make a filter that nobody can read. */
const hostsInFilter = 10;

/** The tone of a severity, as of a state. */
const tones = { critical: 'alarm', warning: 'warn', info: 'help' } as const;

const incidentLine = (one: IncidentView): Html =>
  html`<p class="trouble ${one.severity}" data-key="incident ${one.id}"><strong class="${tones[one.severity]}">${one.severity}</strong>: ${one.cause}.
${capital(incidentSummary(one))}; for ${age(one.since, '')}. ${one.next.host === null ? 'On the master' : `On host ${one.next.host}`}: <code>${one.next.command}</code>${incidentMarks(one).map((mark) => html` <em>${mark}.</em>`)}
<a href="/silences?incident=${encodeURIComponent(one.id)}">Acknowledge or silence</a>${deckiesLink(one)}</p>`;

/** Its deckies in a list: a filter by host and state. Null for a fault of hosts only. */
function deckiesLink({ affected }: IncidentView): Html | null {
  const broken = affected.filter(({ name, state }) => name !== null && state !== null);
  const hosts = [...new Set(broken.flatMap(({ host }) => host ?? []))];
  const states = [...new Set(broken.flatMap(({ state }) => state ?? []))].filter(isFleetState);
  if (states.length === 0 || hosts.length > hostsInFilter) return null;
  return html` <a href="${fleetPath(`host:${hosts.join(',')} state:${states.join(',')}`)}">Show in a list</a>`;
}
