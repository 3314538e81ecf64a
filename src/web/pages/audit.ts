import { acts } from '../../fleet/audit.ts';
import { FleetError } from '../../lib/errors.ts';
import type { AuditView } from '../../views/audit.ts';
import type { Query } from '../address.ts';
import { type AuditAddress, parseAudit } from '../audit-address.ts';
import { pathWith } from '../history-address.ts';
import { type Html, html, type Part } from '../html.ts';
import type { Page } from '../layout.ts';
import type { WebPorts } from '../ports.ts';
import { age, hostPath } from '../words.ts';
import { otherForms } from './other-forms.ts';

const shown = 200;

/** The page of what people did, newest first. */
export async function auditPage({ audit }: Pick<WebPorts, 'audit'>, query: Query): Promise<Page> {
  const address = attempted(query);
  if (address instanceof FleetError)
    return page({}, html`<p class="trouble" role="alert">${address.line}</p>`);
  const { texts, ...filter } = address;
  const entries = await audit.list({ ...filter, limit: shown });
  const last = entries.at(-1);
  const path = (change: Readonly<Record<string, string | null>>): string => pathWith('/audit', texts, change);
  const newest = texts.before === undefined ? null : path({ before: null });
  const older = last === undefined || entries.length < shown ? null : path({ before: String(last.id) });
  return page(
    texts,
    html`${entries.length === 0 ? nothing(texts) : entryTable(entries)}${
      older === null && newest === null
        ? null
        : html`<nav class="paging" aria-label="Pages">${newest === null ? null : html`<a href="${newest}">Newest</a>`}${older === null ? null : html`<a rel="next" href="${older}">Older</a>`}</nav>`
    }${entries.length === 0 ? null : otherForms(pathWith('/api/audit', { ...texts, limit: '1000' }, {}))}`,
  );
}

function attempted(query: Query): AuditAddress | FleetError {
  try {
    return parseAudit(query);
  } catch (error) {
    if (error instanceof FleetError) return error;
    throw error;
  }
}

type Texts = AuditAddress['texts'];

const page = (texts: Texts, content: Html): Page => ({
  title: 'Audit log',
  body: html`<nav class="crumbs" aria-label="Path"><a href="/">Fleet</a></nav>
<h1>Audit log</h1>
<p class="help">What people did on these pages, on Bull Board and on the command line.</p>
${filters(texts)}
<div id="audit" data-live>${content}</div>`,
});

const nothing = (texts: Texts): Html =>
  html`<p class="empty">${Object.keys(texts).length === 0 ? 'Nothing is recorded yet.' : html`No entry matches the filters. <a href="/audit">Show all entries</a>.`}</p>`;

function filters({ who, act, host }: Texts): Html {
  const known: readonly string[] = acts;
  const choices = ['', ...known, ...(act === undefined || known.includes(act) ? [] : [act])];
  return html`<form class="filters" role="search" action="/audit" method="get">
<label><span>Who</span><input name="who" value="${who ?? ''}" placeholder="anybody" autocomplete="off"></label>
<label><span>Act</span><select name="act">${choices.map((one) => html`<option value="${one}"${one === (act ?? '') ? html` selected` : null}>${one === '' ? 'any act' : one}</option>`)}</select></label>
<label><span>Host</span><input name="host" value="${host ?? ''}" placeholder="any host" autocomplete="off"></label>
<button type="submit">Show</button>
</form>`;
}

const entryTable = (
  entries: readonly AuditView[],
): Html => html`<table class="history"><caption class="quiet">Acts, newest first</caption>
<thead><tr><th scope="col">When</th><th scope="col">Who</th><th scope="col">Act</th><th scope="col">Host</th><th scope="col">Details</th></tr></thead>
<tbody>${entries.map(
  (entry) => html`<tr data-key="entry ${entry.id}"><td class="age">${age(entry.at)}</td>
<th scope="row">${entry.who} <span class="help">${words[entry.via]}</span></th><td>${entry.act}${outcome(entry)}</td>
<td>${entry.host_uuid === null ? null : html`<a href="${hostPath(entry.host_uuid)}">${entry.host_uuid}</a>`}</td>
<td class="reason">${[entry.target, entry.details].filter((part) => part !== null).join(': ')}</td></tr>`,
)}</tbody></table>`;

const words = {
  page: 'on a page',
  api: 'by HTTP',
  board: 'on Bull Board',
  cli: 'on the command line',
} as const;

const outcome = ({ outcome: how }: AuditView): Part =>
  how === 'done' ? null : html` <strong class="${how === 'failed' ? 'alarm' : 'warn'}">${how}</strong>`;
