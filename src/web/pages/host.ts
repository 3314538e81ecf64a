import { noFilter } from '../../fleet/filter/term.ts';
import { uncheckedInWords } from '../../fleet/plan/ports.ts';
import { nextSlot } from '../../fleet/slots.ts';
import { severity } from '../../fleet/state-styles.ts';
import { decnetTableWords, rivalText } from '../../fleet/words.ts';
import type { ListedDecky } from '../../views/pages.ts';
import type { Gap, HostView } from '../../views/report.ts';
import { type Html, html, type Part } from '../html.ts';
import type { Page } from '../layout.ts';
import type { WebPorts } from '../ports.ts';
import { mayAct, type Viewer } from '../sign-in/visitor.ts';
import { age, deckyPath, hostPath, hostTrouble, stateMark, until } from '../words.ts';
import { deckyTable, noDecky, remarksOf } from './host-group.ts';
import { sizeOf } from './host-order.ts';
import { otherForms } from './other-forms.ts';
import { lastPasses, lastPassesPart } from './passes.ts';
import { pauseForm } from './pause.ts';
import { whyReadOnly } from './read-only.ts';
import { livingLine, undeclaredTables } from './undeclared.ts';

/** The deckies that the page lists. */
const deckiesShown = 100;

/** The page of a host: its state, deckies, last passes, held rows and gaps. Null: the host is unknown. */
export async function hostPage(
  { report, pages, queues }: WebPorts,
  name: string,
  options: { viewer: Viewer; said: Part; hasBoard: boolean },
): Promise<Page | null> {
  const [host] = await report.hosts(name);
  if (host === undefined) return null;
  const [last, gaps, deckies] = await Promise.all([
    lastPasses(queues, name).catch(() => null),
    report.gaps(name, null),
    pages.deckies(noFilter, {
      hosts: [name],
      open: [],
      perHost: deckiesShown,
      quiet: false,
      order: 'broken',
    }),
  ]);
  const canChange = mayAct(options.viewer);
  const trouble = hostTrouble(host);
  const next = nextSlot({ host: name, intervalMs: host.interval_s * 1000 }, Date.now());
  return {
    title: name,
    body: html`<nav class="crumbs" aria-label="Path"><a href="/">Fleet</a></nav>
<h1>${name}</h1>
${options.said === null ? null : html`<p class="said" role="status">${options.said}</p>`}
<div id="host" data-live data-host="${name}">
<p class="facts"><span>pass ${age(host.last_pass_at)}</span><span>full pass ${age(host.last_full_pass_at)}</span><span>Docker ${host.docker}${host.docker === 'unreachable' ? html`, last answer ${age(host.last_observed_at)}` : null}</span><span>every ${host.interval_s} s</span>${host.stale || host.stopped !== null || host.paused !== null ? null : html`<span>next ${until(next)}</span>`}<span>version ${host.version ?? 'unknown'}</span></p>
${trouble === null ? null : html`<p class="trouble">${trouble}</p>`}
${livingLine(host)}
${host.ports_unchecked === null ? null : html`<p class="help">${uncheckedInWords(host.ports_unchecked)}</p>`}
${decnetLine(host)}
<p class="counts">${severity.map((state) => ((host.states[state] ?? 0) > 0 ? html`<span>${host.states[state] ?? 0} ${stateMark(state, host.stale)}</span>` : null))}</p>
</div>
<div class="actions">
${
  host.first_seen_at === null
    ? null
    : canChange
      ? html`<form method="post" action="${hostPath(name)}/reconcile"><button type="submit">Reconcile now</button></form>`
      : html`<p class="help">${whyReadOnly(options.viewer)} In a shell: <code>decnet-fleet reconcile --once --host ${name}</code></p>`
}
${canChange ? pauseForm(host) : null}
<a class="button" href="${hostPath(name)}/plan">Plan</a>
<a class="button" href="/history?host=${encodeURIComponent(name)}">Its history</a>
${options.hasBoard && html`<a class="button" href="${hostPath(name)}/queue">Its queue</a>`}
</div>
<div id="deckies" data-live>${deckiesPart(host, deckies)}</div>
<div id="passes" data-live><h2>Last passes</h2>
${last === null ? html`<p class="trouble">The queues do not answer, so passes cannot be shown. The data above is from the database.</p>` : lastPassesPart(name, last, options.hasBoard)}</div>
<div id="kept" data-live>${undeclaredTables(host)}
${noteTable(name, host.held, 'Held', 'Rows that are kept on purpose, although the file does not declare them.')}
${noteTable(name, host.contested, 'Contested', 'Another program keeps changing these rows back.')}
${noteTable(name, host.left, 'Left to their writer', 'Another program wrote these rows within the grace period.')}
${gapTable(gaps)}</div>`,
  };
}

/** The deckies of the host, those with problems first. */
function deckiesPart(host: HostView, deckies: readonly ListedDecky[]): Html {
  const path = encodeURIComponent(host.host_uuid);
  const hidden = sizeOf(host) - deckies.length;
  if (deckies.length === 0) return html`<h2>Deckies</h2><p class="empty">${noDecky}</p>`;
  return html`<h2>Deckies</h2>${deckyTable(host.host_uuid, deckies, host.stale, remarksOf(host))}
${hidden > 0 ? html`<p class="more"><a href="/?host=${path}">… ${hidden.toLocaleString('en')} more; search and filter them</a></p>` : null}
${otherForms(`/api/fleet?host=${path}&limit=1000`)}`;
}

/** How DECNET's own table of the host is; of a host without one nothing. */
function decnetLine({ decnet_table: table }: HostView): Part {
  if (table === null) return null;
  const { text, ago } = decnetTableWords(table, Date.now());
  const state = ago === null ? html`${text}` : html`${text} ${age(ago)}`;
  return html`<p class="${table.failing_since === null ? 'help' : 'trouble'}">${state}</p>${
    table.rival === null ? null : html`<p class="trouble">${rivalText(table.rival)}</p>`
  }`;
}

const noteTable = (
  host: string,
  rows: readonly { name: string; reason: string; since: string }[],
  title: string,
  what: string,
): Part =>
  rows.length === 0
    ? null
    : html`<h2>${title}</h2><p class="help">${what}</p><table><caption class="quiet">${title}</caption><thead><tr><th scope="col">Decky</th><th scope="col">Why</th><th scope="col">Since</th></tr></thead><tbody>${rows.map(
        ({ name, reason, since }) =>
          html`<tr><th scope="row"><a href="${deckyPath(host, name)}">${name}</a></th><td class="reason">${reason === 'undefined' ? '' : reason}</td><td class="age">${age(since, '')}</td></tr>`,
      )}</tbody></table>`;

const gapTable = (gaps: readonly Gap[]): Part =>
  gaps.length === 0
    ? null
    : html`<h2>Gaps</h2><p class="help">Periods without a full pass for more than three intervals. The states in these periods are unknown.</p><table><caption class="quiet">Gaps, newest first</caption><thead><tr><th scope="col">From</th><th scope="col">To</th></tr></thead><tbody>${gaps
        .slice(0, 20)
        .map(({ from_at, to_at }) => html`<tr><td>${from_at}</td><td>${to_at}</td></tr>`)}</tbody></table>`;
