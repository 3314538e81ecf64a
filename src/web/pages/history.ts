import { broken } from '../../fleet/filter/parse-filter.ts';
import { fleetStates } from '../../fleet/state.ts';
import { countOf, withMeaning } from '../../fleet/words.ts';
import { FleetError } from '../../lib/errors.ts';
import type { Transition } from '../../views/report.ts';
import type { Query } from '../address.ts';
import { attempt } from '../answers.ts';
import { type HistoryAddress, historyPath, historyTexts, parseHistory } from '../history-address.ts';
import { type Html, html, type Part } from '../html.ts';
import type { Page } from '../layout.ts';
import type { WebPorts } from '../ports.ts';
import { age, deckyPath, hostPath, jobMark, stateMark } from '../words.ts';
import { filterFault, filterField, filterHelp } from './filter-box.ts';
import { type Fold, folded } from './fold.ts';
import { otherForms } from './other-forms.ts';

const shown = 200;
/** The names of a line that stands for many changes. */
const namesShown = 100;

type Texts = HistoryAddress['texts'];

/** The page of the transitions, newest first. @param hasBoard whether Bull Board is installed */
export async function historyPage({ report }: WebPorts, query: Query, hasBoard: boolean): Promise<Page> {
  const address = attempt(() => parseHistory(query));
  if (address instanceof FleetError)
    return page(
      historyTexts(query),
      html`<p class="empty">No change is shown, because the filter is not understood. <a href="/history">Show all changes</a>.</p>`,
      address,
    );
  const { texts, ...filter } = address;
  const { transitions } = await report.history({ ...filter, limit: shown });
  const last = transitions.at(-1);
  const newest = texts.before === undefined ? null : historyPath(texts, { before: null });
  const older =
    last === undefined || transitions.length < shown ? null : historyPath(texts, { before: String(last.id) });
  return page(
    texts,
    html`${
      transitions.length === 0
        ? html`<p class="empty">${Object.keys(texts).length === 0 ? 'There are no changes yet.' : html`No change matches the filters. <a href="/history">Show all changes</a>.`}</p>`
        : transitionTable(transitions, {
            withNames: texts.decky === undefined || texts.host === undefined,
            hasBoard,
          })
    }${
      older === null && newest === null
        ? null
        : html`<nav class="paging" aria-label="Pages">${newest === null ? null : html`<a href="${newest}">Newest</a>`}${older === null ? null : html`<a rel="next" href="${older}">Older</a>`}</nav>`
    }${transitions.length === 0 ? null : otherForms(historyPath({ ...texts, limit: '1000' }, {}).replace('/history', '/api/history'))}`,
  );
}

const page = (texts: Texts, content: Html, notUnderstood: FleetError | null = null): Page => ({
  title: 'History',
  section: 'history',
  body: html`<h1>History${texts.host === undefined ? null : html` of <a href="${hostPath(texts.host)}">${texts.host}</a>`}</h1>
${filterFault({ notUnderstood })}
${filters(texts)}
${filterHelp('Here state: is the new state of a change, since: its age, and ip: and service: are those that the decky has now. ')}
<div id="history" data-live>${content}</div>`,
});

/** How far back, by the word that the address has. */
const periods = [
  ['', 'any time'],
  ['1h', 'the last hour'],
  ['24h', 'the last day'],
  ['7d', 'the last week'],
] as const;

function filters({ q, host, decky, state, service, since, until }: Texts): Html {
  const option = (value: string, text: string, chosen: string): Html =>
    html`<option value="${value}"${value === chosen ? html` selected` : null}>${text}</option>`;
  const states = ['', broken, ...fleetStates];
  const isOther = since !== undefined && !periods.some(([value]) => value === since);
  const field = (name: string, text: string, value: string | undefined): Part =>
    value === undefined
      ? null
      : html`<label><span>${text}</span><input name="${name}" value="${value}" autocomplete="off"></label>`;
  return html`<form class="filters" id="filters" role="search" action="/history" method="get">
${filterField(q ?? null)}${field('host', 'Host', host)}${field('decky', 'Decky', decky)}${field('service', 'Service', service)}
<label><span>Changed to</span><select name="state">${[...states, ...(state === undefined || states.includes(state) ? [] : [state])].map((one) => option(one, one === '' ? 'any state' : one, state ?? ''))}</select></label>
<label><span>When</span><select name="since">${[...periods, ...(isOther ? [[since, `since ${since}`] as const] : [])].map(([value, text]) => option(value, text, since ?? ''))}</select></label>
${field('until', 'Until', until)}
<button type="submit">Show</button>
</form>`;
}

/** A table of changes, newest first. @param options.withNames whether it names the decky of each change */
export const transitionTable = (
  transitions: readonly Transition[],
  { withNames, hasBoard }: { withNames: boolean; hasBoard: boolean },
): Html => html`<table class="history"><caption class="quiet">Changes, newest first</caption>
<thead><tr><th scope="col">When</th>${withNames ? html`<th scope="col">Decky</th>` : null}<th scope="col">Change</th><th scope="col">Reason</th><th scope="col">Job</th></tr></thead>
<tbody>${folded(transitions).map(
  (fold) => html`<tr data-key="transition ${fold.first.id}"><td class="age">${age(fold.first.at)}</td>
${withNames ? html`<th scope="row">${whose(fold)} <span class="help">on ${fold.first.host_uuid}</span></th>` : null}
<td>${transition(fold.first)}</td><td class="reason">${withMeaning(fold.first.reason)}</td>
<td>${fold.first.job_id === null || fold.first.job_id === '' ? null : jobMark(fold.first.host_uuid, fold.first.job_id, hasBoard)}</td></tr>`,
)}</tbody></table>`;

/** The decky of a change; of many, how many and which. */
function whose({ first, names }: Fold): Html {
  const link = (name: string): Html => html`<a href="${deckyPath(first.host_uuid, name)}">${name}</a>`;
  if (names.length === 1) return link(first.name);
  const more = names.length - namesShown;
  return html`<details><summary>${countOf(names.length, 'decky')}</summary>${names
    .slice(0, namesShown)
    .map(
      (name, at) => html`${at > 0 ? ', ' : ''}${link(name)}`,
    )}${more > 0 ? ` and ${more} more` : null}</details>`;
}

function transition({ from_state: from, to_state: to }: Transition): Part {
  if (from === to) return 'content';
  if (from === null) return html`inserted as ${stateMark(to ?? '')}`;
  if (to === null) return html`${stateMark(from)} → deleted`;
  return html`${stateMark(from)} → ${stateMark(to)}`;
}
