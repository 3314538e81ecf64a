import { filterKeys } from '../../fleet/filter/term.ts';
import type { Search } from '../address.ts';
import { type Html, html, type Part } from '../html.ts';

/** The field of a filter. @see docs/filters.md */
export const filterField = (q: string | null): Html =>
  html`<label class="grow"><span>Search</span><input type="search" name="q" value="${q ?? ''}" placeholder="name, IP, service, reason, state:failed, host:nyc-* …" autocomplete="off" spellcheck="false" maxlength="1000" aria-describedby="filter-fault"></label>`;

/** What of the filter is not understood. The page's script shows it while the filter is written. */
export const filterFault = ({ notUnderstood }: Pick<Search, 'notUnderstood'>): Html =>
  html`<div id="filter-fault" data-live role="alert">${notUnderstood === null ? null : html`<p class="trouble">${notUnderstood.line}</p>`}</div>`;

/** Examples of terms, and what they choose. */
const examples: readonly (readonly [string, string])[] = [
  ['state:failed,torn_down', 'in one of these states; broken stands for all states that are a fault'],
  ['host:nyc-*', 'on a host with such a name; * stands for any characters'],
  ['service:ssh', 'with this service; decky:, ip: and reason: work in the same way'],
  ['since:1h', 'changed within this time: s, m, h, d or w'],
  ['"exited, code 137"', 'with this text anywhere; without quotes each word is searched for'],
  ['-state:running', 'everything else; a minus excludes what follows'],
];

export const filterExamples: Html = html`<dl>${examples.map(([term, what]) => html`<div><dt><code>${term}</code></dt><dd>${what}</dd></div>`)}</dl>`;

/** A short help, which is folded. */
export const filterHelp = (note: Part = null): Html =>
  html`<details class="filter-help"><summary>How to filter</summary>
${filterExamples}
<p class="help">All terms must hold. Keys: ${filterKeys.join(', ')}. ${note}The address of the page has the filter, so a bookmark keeps it.</p></details>`;
