import { withMeaning } from '../../fleet/words.ts';
import type { Transition } from '../../views/report.ts';
import { type Html, html, type Part } from '../html.ts';
import type { Page } from '../layout.ts';
import type { WebPorts } from '../ports.ts';
import { age, deckyPath, hostPath, jobPath, stateMark } from '../words.ts';

const shown = 200;

/** The page of the latest transitions, of the whole fleet or of one host. */
export async function historyPage({ report }: WebPorts, host: string | null): Promise<Page> {
  const { transitions } = await report.history({ host, decky: null, since: null, limit: shown });
  return {
    title: 'History',
    section: 'history',
    body: html`<h1>History${host === null ? null : html` of <a href="${hostPath(host)}">${host}</a>`}</h1>
<div id="history" data-live>${
      transitions.length === 0
        ? html`<p class="empty">There are no changes yet.</p>`
        : transitionTable(transitions, true)
    }${transitions.length === shown ? html`<p class="hint">Only the latest ${shown} changes are shown. For all of them: <code>decnet-fleet history</code>, or <a href="/api/history">/api/history</a>.</p>` : null}</div>`,
  };
}

/** A table of changes, newest first. @param withNames whether it names the decky of each change */
export const transitionTable = (
  transitions: readonly Transition[],
  withNames: boolean,
): Html => html`<table class="history"><caption class="quiet">Changes, newest first</caption>
<thead><tr><th scope="col">When</th>${withNames ? html`<th scope="col">Decky</th>` : null}<th scope="col">Change</th><th scope="col">Reason</th><th scope="col">Job</th></tr></thead>
<tbody>${transitions.map(
  (row) => html`<tr data-key="transition ${row.id}"><td class="age">${age(row.at)}</td>
${withNames ? html`<th scope="row"><a href="${deckyPath(row.host_uuid, row.name)}">${row.name}</a> <span class="hint">on ${row.host_uuid}</span></th>` : null}
<td>${transition(row)}</td><td class="reason">${withMeaning(row.reason)}</td>
<td>${row.job_id === null || row.job_id === '' ? null : html`<a href="${jobPath(row.host_uuid, row.job_id)}">#${row.job_id}</a>`}</td></tr>`,
)}</tbody></table>`;

function transition({ from_state: from, to_state: to }: Transition): Part {
  if (from === to) return 'content';
  if (from === null) return html`inserted as ${stateMark(to ?? '')}`;
  if (to === null) return html`${stateMark(from)} → deleted`;
  return html`${stateMark(from)} → ${stateMark(to)}`;
}
