import { incidentSummary, nextText } from '../../fleet/incidents/summary.ts';
import { incidentMarks } from '../../fleet/silences/words.ts';
import type { IncidentView } from '../../views/incidents.ts';
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

const incidentLine = (one: IncidentView): Html =>
  html`<p class="trouble" data-key="incident ${one.id}"><strong>${one.severity}</strong>: ${one.cause}.
${incidentSummary(one)}; since ${age(one.since)}. ${nextText(one.next)}${incidentMarks(one).map((mark) => html` <em>${mark}.</em>`)}
<a href="/silences?incident=${encodeURIComponent(one.id)}">Acknowledge or silence</a></p>`;
