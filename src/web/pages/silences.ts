import { incidentSummary } from '../../fleet/incidents/summary.ts';
import { type Scope, scopeText } from '../../fleet/silences/silence.ts';
import { incidentMarks, silenceText } from '../../fleet/silences/words.ts';
import type { IncidentView } from '../../views/incidents.ts';
import type { SilenceView } from '../../views/silences.ts';
import { type Html, html, type Part } from '../html.ts';
import type { Page } from '../layout.ts';
import type { Views } from '../ports.ts';
import { mayAct, type Viewer } from '../sign-in/visitor.ts';
import { age } from '../words.ts';
import { whyReadOnly } from './read-only.ts';

/** For how many hours a form silences. */
export const hoursOffered = [1, 2, 4, 8, 24, 72, 168, 720, 2160] as const;
const hoursAtFirst = 2;
/** More hosts, or deckies of an incident, are not offered. */
const offeredAtMost = 200;
/** More open incidents are not searched for the one of the address. */
const incidentsRead = 1000;

/** The silences, and the forms for a new one and for an acknowledgement. @param id the incident that they are about; null: none */
export async function silencesPage({ report }: Views, id: string | null, viewer: Viewer): Promise<Page> {
  const canChange = mayAct(viewer);
  const silences = await report.silences({ ended: false });
  const open = id === null ? [] : await report.incidents({ open: true, since: null, limit: incidentsRead });
  const incident = open.find((one) => one.id === id) ?? null;
  const scopes = incident === null ? await allScopes(report) : scopesOf(incident);
  return {
    title: 'Silences',
    body: html`<nav class="crumbs" aria-label="Path"><a href="/">Fleet</a></nav>
<h1>Silences</h1>
<p class="help">While something is silenced, its incidents are recorded and not sent. At the end, a message sums up what was missed.</p>
${id === null ? null : incident === null ? html`<p class="said" role="status">Incident ${id} is not open any more.</p>` : aboutIncident(incident, canChange)}
${canChange ? silenceForm(scopes) : html`<p class="help">${whyReadOnly(viewer)} In a shell: <code>decnet-fleet silence --help</code>, <code>decnet-fleet ack --help</code></p>`}
<div id="silences" data-live>${silenceList(silences, canChange) ?? html`<p class="empty">Nothing is silenced.</p>`}</div>`,
  };
}

/** The silences that are not over; null: there is none. */
export const silenceList = (silences: readonly SilenceView[], canChange: boolean): Html | null =>
  silences.length === 0
    ? null
    : html`<section aria-label="Silenced"><h2>Silenced</h2>
${silences.map(
  (
    one,
  ) => html`<form class="silence" data-key="silence ${one.id}" method="post" action="/silences/${one.id}/end">
<span>${silenceText(one)}${one.active_until === null ? ' (not active now)' : null}</span>
${canChange ? html`<button type="submit">End silence ${one.id}</button>` : null}</form>`,
)}</section>`;

function aboutIncident(incident: IncidentView, canChange: boolean): Html {
  const path = `/incidents/${encodeURIComponent(incident.id)}`;
  return html`<section aria-label="Incident"><h2>${incident.cause}</h2>
<p class="trouble"><strong>${incident.severity}</strong>: ${incidentSummary(incident)}; since ${age(incident.since)}.${incidentMarks(incident).map((mark) => html` <em>${mark}.</em>`)}</p>
${
  canChange
    ? html`<form class="act" method="post" action="${path}/acknowledge">
<label class="grow"><span>What is being done</span><input name="why" required maxlength="500" autocomplete="off"></label>
<button type="submit">Acknowledge</button></form>${
        incident.acknowledged === null
          ? null
          : html`<form method="post" action="${path}/unacknowledge"><button type="submit">Take the acknowledgement back</button></form>`
      }`
    : null
}</section>`;
}

const silenceForm = (
  scopes: readonly Scope[],
): Html => html`<form class="act" method="post" action="/silences">
<label><span>Silence</span><select name="scope">${scopes.map(scopeText).map((text) => html`<option value="${text}">${text}</option>`)}</select></label>
<label><span>For</span><select name="hours">${hoursOffered.map((hours) => html`<option value="${hours}"${hours === hoursAtFirst ? html` selected` : null}>${spanText(hours)}</option>`)}</select></label>
<label><span>Only at (UTC)</span><input name="every" placeholder="mon-fri 22:00-06:00" maxlength="100" autocomplete="off"></label>
<label class="grow"><span>Why</span><input name="why" required maxlength="500" autocomplete="off"></label>
<button type="submit">Silence</button></form>`;

const spanText = (hours: number): Part => (hours < 48 ? `${hours} h` : `${hours / 24} d`);

/** The narrowest first: a wide silence is chosen on purpose. */
function scopesOf({ affected, kind }: IncidentView): readonly Scope[] {
  const hosts = [...new Set(affected.flatMap(({ host }) => host ?? []))];
  return [
    ...hosts.map((host): Scope => ({ kind: 'host', host })),
    ...affected.flatMap(({ host, name }): readonly Scope[] =>
      host === null || name === null ? [] : [{ kind: 'decky', host, name }],
    ),
    { kind: 'cause', cause: kind },
    { kind: 'everything' },
  ];
}

async function allScopes(report: Views['report']): Promise<readonly Scope[]> {
  const hosts = await report.hosts(null);
  return [
    ...hosts.slice(0, offeredAtMost).map(({ host_uuid: host }): Scope => ({ kind: 'host', host })),
    { kind: 'everything' },
  ];
}
