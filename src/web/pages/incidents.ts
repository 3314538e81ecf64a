import { incidentSummary } from '../../fleet/incidents/summary.ts';
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

/** The tone of a severity, as of a state. */
const tones = { critical: 'alarm', warning: 'warn', info: 'hint' } as const;

const incidentLine = (one: IncidentView): Html =>
  html`<p class="trouble ${one.severity}" data-key="incident ${one.id}"><strong class="${tones[one.severity]}">${one.severity}</strong>: ${one.cause}.
${incidentSummary(one)}; for ${age(one.since, '')}. ${one.next.host === null ? 'On the master' : `On host ${one.next.host}`}: <code>${one.next.command}</code>${incidentMarks(one).map((mark) => html` <em>${mark}.</em>`)}
<a href="/silences?incident=${encodeURIComponent(one.id)}">Acknowledge or silence</a></p>`;
