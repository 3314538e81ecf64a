import { undeclaredCounts, undeclaredWords } from '../../fleet/words.ts';
import type { HostView, UndeclaredDecky } from '../../views/report.ts';
import { type Html, html, type Part } from '../html.ts';
import { age, hostPath } from '../words.ts';

/** The deployment under way on a host; of a host whose states are last known nothing. */
const deployingMark = ({ deploying, stale }: HostView): Part =>
  deploying === null || stale
    ? null
    : html`<span><strong><span aria-hidden="true">◌</span> deploying ${deploying.of}</strong> (began ${age(deploying.since)})</span>`;

/** What DECNET is doing on a host and has left there, in one line. */
export function livingLine(host: HostView): Part {
  const [deploying, counts] = [deployingMark(host), undeclaredCounts(host.undeclared)];
  if (deploying === null && counts.length === 0) return null;
  return html`<p class="living">${deploying}${
    counts.length === 0
      ? null
      : html`<a class="warn" href="${hostPath(host.host_uuid)}#undeclared">${counts.join(', ')}</a>`
  }</p>`;
}

/** The undeclared deckies of a host and its leftovers, with what removes them. */
export const undeclaredTables = ({ undeclared }: HostView): Part =>
  undeclared.length === 0
    ? null
    : html`<div id="undeclared">${(['running', 'leftover'] as const).map((kind) =>
        undeclaredTable(
          kind,
          undeclared.filter((one) => one.kind === kind),
        ),
      )}</div>`;

function undeclaredTable(kind: UndeclaredDecky['kind'], found: readonly UndeclaredDecky[]): Part {
  if (found.length === 0) return null;
  const { title, meaning } = undeclaredWords[kind];
  return html`<h2>${title}</h2><p class="help">${meaning} They are not removed automatically.</p>
<table class="undeclared"><caption class="quiet">${title}</caption><thead><tr><th scope="col">Decky</th><th scope="col">Since</th><th scope="col">To remove it, run on this host</th></tr></thead><tbody>${found.map(
    ({ name, since, containers, remove }) =>
      html`<tr data-key="undeclared ${name}"><th scope="row">${name}</th><td class="age">${age(since, '')}</td><td class="reason">${removal(containers, remove)}</td></tr>`,
  )}</tbody></table>`;
}

const removal = (containers: readonly string[], remove: string | null): Html =>
  remove !== null
    ? html`<code>${remove}</code>`
    : html`No command: the names of its containers are not plain (${containers.join(', ')}).`;
