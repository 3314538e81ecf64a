import type { JobResult, ReportedChange } from '../../fleet/job.ts';
import { countOf, withMeaning } from '../../fleet/words.ts';
import { html, type Part } from '../html.ts';
import type { Page } from '../layout.ts';
import { deckyPath, hostPath, stateMark } from '../words.ts';

const signs: Readonly<Record<ReportedChange['action'], string>> = {
  insert: '+',
  delete: '−',
  state: '~',
  config: '~',
  reason: '~',
};

/** The page of a plan. */
export function planPage(host: string, result: JobResult): Page {
  const { docker, changes = [], held_rows: held = [] } = result;
  return {
    title: `Plan of ${host}`,
    body: html`<nav class="crumbs" aria-label="Path"><a href="/">Fleet</a> <a href="${hostPath(host)}">${host}</a></nav>
<h1>Plan of ${host}</h1>
<p class="facts"><span>Docker ${docker}</span><span>made just now by a dry run; nothing was written</span></p>
${
  changes.length + held.length === 0
    ? html`<p class="empty">No changes${docker === 'ok' ? '' : ' (Docker is unreachable, so container states were not checked)'}.</p>`
    : html`<table class="plan"><caption class="quiet">What a pass would change</caption><thead><tr><th scope="col">Decky</th><th scope="col">What</th><th scope="col">Why</th></tr></thead><tbody>${changes.map(
        (change) =>
          html`<tr><th scope="row"><span class="sign">${signs[change.action]}</span> <a href="${deckyPath(host, change.name)}">${change.name}</a></th><td>${what(change)}</td><td class="reason">${withMeaning(change.reason)}</td></tr>`,
      )}${held.map(({ name, reason }) => html`<tr><th scope="row"><span class="sign">=</span> <a href="${deckyPath(host, name)}">${name}</a></th><td>held</td><td class="reason">${reason}</td></tr>`)}</tbody></table>
<p>${countOf(changes.length, 'change')}, ${held.length} held. The next pass applies them.</p>`
}`,
  };
}

function what({ action, from_state: from, to_state: to }: ReportedChange): Part {
  switch (action) {
    case 'insert':
      return html`insert as ${stateMark(to ?? '')}`;
    case 'delete':
      return 'delete';
    case 'state':
      return html`${stateMark(from ?? '')} → ${stateMark(to ?? '')}`;
    case 'config':
      return 'content';
    case 'reason':
      return html`${stateMark(to ?? '')}, new reason`;
  }
}
