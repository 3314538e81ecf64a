import type { Job } from 'bullmq';
import { isLegalHost } from '../../fleet/decky.ts';
import { type JobResult, queueName, type ReportedChange } from '../../fleet/job.ts';
import { uncheckedInWords } from '../../fleet/plan/ports.ts';
import { nextSlot } from '../../fleet/slots.ts';
import { countOf, decnetTableWords, rivalText, severity, withMeaning } from '../../fleet/words.ts';
import { reasonOf } from '../../lib/errors.ts';
import { isObject, type Json } from '../../lib/json.ts';
import { printable, shortened } from '../../lib/text.ts';
import type { Gap, HostView } from '../../views/report.ts';
import { type Html, html, type Part } from '../html.ts';
import type { Page } from '../layout.ts';
import { jobInWords, type LeftOut, notShown } from '../left-out.ts';
import type { WebPorts } from '../ports.ts';
import { age, deckyPath, hostPath, hostTrouble, jobPath, stateMark, until } from '../words.ts';
import { pauseForm } from './pause.ts';
import { livingLine, undeclaredTables } from './undeclared.ts';

/** What the page shows of a result. The rest may be large, and the results of all passes are held at once. */
type ShownResult = {
  readonly [K in 'inserted' | 'deleted' | 'state_updated' | 'config_updated' | 'held' | 'dry_run' | 'docker']:
    | JobResult[K]
    | undefined;
};

/** A finished pass that the queue still has. */
interface PassView {
  readonly id: string;
  readonly cause: string;
  /** Epoch milliseconds. */
  readonly at: number;
  /** Milliseconds. */
  readonly duration: number;
  readonly result: ShownResult | null;
  readonly failure: string | null;
  /** The number of deckies of a partial pass; null: a full pass. */
  readonly only: number | null;
}

const passesShown = 50;
const readAtOnce = 10;

/** The page of a host: its state, last passes, held rows and gaps. Null: the host is unknown. */
export async function hostPage(
  { report, queues }: WebPorts,
  name: string,
  options: { canChange: boolean; said: Part },
): Promise<Page | null> {
  const [host] = await report.hosts(name);
  if (host === undefined) return null;
  const [last, gaps] = await Promise.all([
    // Another program may have written a host name that is not legal in the name of a queue.
    isLegalHost(name) ? lastPasses(queues, name).catch(() => null) : { passes: [], leftOut: [] },
    report.gaps(name, null),
  ]);
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
${host.ports_unchecked === null ? null : html`<p class="hint">${uncheckedInWords(host.ports_unchecked)}</p>`}
${decnetLine(host)}
<p class="counts">${severity.map((state) => ((host.states[state] ?? 0) > 0 ? html`<span>${host.states[state] ?? 0} ${stateMark(state, host.stale)}</span>` : null))}</p>
</div>
<div class="actions">
${
  host.first_seen_at === null
    ? null
    : options.canChange
      ? html`<form method="post" action="${hostPath(name)}/reconcile"><button type="submit">Reconcile now</button></form>`
      : html`<p class="hint">“Reconcile now” requires a login: set <code>DASHBOARD_USER</code> and <code>DASHBOARD_PASSWORD</code>. In a shell: <code>decnet-fleet reconcile --once --host ${name}</code></p>`
}
${options.canChange ? pauseForm(host) : null}
<a class="button" href="${hostPath(name)}/plan">Plan</a>
<a class="button" href="/?host=${encodeURIComponent(name)}">Its deckies</a>
<a class="button" href="/history?host=${encodeURIComponent(name)}">Its history</a>
<a class="button" href="${hostPath(name)}/queue">Its queue</a>
</div>
<div id="passes" data-live><h2>Last passes</h2>
${last === null ? html`<p class="trouble">The queues do not answer, so passes cannot be shown. The data above is from the database.</p>` : lastPassesPart(name, last)}</div>
<div id="notes" data-live>${undeclaredTables(host)}
${noteTable(name, host.held, 'Held', 'Rows that are kept on purpose, although the file does not declare them.')}
${noteTable(name, host.contested, 'Contested', 'Another program keeps changing these rows back.')}
${noteTable(name, host.left, 'Left to their writer', 'Another program wrote these rows within the grace period.')}
${gapTable(gaps)}</div>`,
  };
}

/** How DECNET's own table of the host is; of a host without one nothing. */
function decnetLine({ decnet_table: table }: HostView): Part {
  if (table === null) return null;
  const { text, ago } = decnetTableWords(table, Date.now());
  const state = ago === null ? html`${text}` : html`${text} ${age(ago)}`;
  return html`<p class="${table.failing_since === null ? 'hint' : 'trouble'}">${state}</p>${
    table.rival === null ? null : html`<p class="trouble">${rivalText(table.rival)}</p>`
  }`;
}

interface LastPasses {
  readonly passes: readonly PassView[];
  readonly leftOut: readonly LeftOut[];
}

async function lastPasses(queues: WebPorts['queues'], host: string): Promise<LastPasses> {
  const queue = queues.impatientQueue(queueName(host));
  const passes: PassView[] = [];
  const leftOut: LeftOut[] = [];
  const ids = await queue.getRanges(['completed', 'failed'], 0, passesShown - 1);
  const read = async (id: string): Promise<void> => {
    try {
      const job = await queue.getJob(id);
      if (job !== undefined) passes.push(passView(job));
    } catch (error) {
      leftOut.push({ name: jobInWords(id), reason: shown(reasonOf(error)) });
    }
  };
  // A few at a time: each may have 1 MB.
  for (let at = 0; at < ids.length; at += readAtOnce)
    await Promise.all(ids.slice(at, at + readAtOnce).map(read));
  return { passes: passes.sort((a, b) => b.at - a.at), leftOut };
}

const lastPassesPart = (host: string, { passes, leftOut }: LastPasses): Html =>
  html`${leftOut.length === 0 ? null : html`<p class="trouble">${notShown(leftOut)}</p>`}${
    passes.length > 0
      ? html`${chart(passes)}${passTable(host, passes)}`
      : leftOut.length === 0
        ? html`<p class="empty">The queue has no finished passes of this host.</p>`
        : null
  }`;

const shownOf = ({
  inserted,
  deleted,
  state_updated,
  config_updated,
  held,
  dry_run,
  docker,
}: Partial<JobResult>): ShownResult => ({
  inserted,
  deleted,
  state_updated,
  config_updated,
  held,
  dry_run,
  docker,
});

function passView(job: Job): PassView {
  const data = job.data as Json;
  const value = job.returnvalue as Json;
  const only = isObject(data) && Array.isArray(data.deckies) ? data.deckies.length : null;
  return {
    id: shown(String(job.id)),
    cause: isObject(data) && typeof data.cause === 'string' ? shown(data.cause) : 'not given',
    at: momentOf(job.finishedOn ?? job.timestamp),
    duration: momentOf(job.finishedOn) - momentOf(job.processedOn ?? job.finishedOn),
    result: isObject(value) ? shownOf(value as Partial<JobResult>) : null,
    failure: job.failedReason ? shown(String(job.failedReason)) : null,
    only,
  };
}

/** A job's data is not trusted: the host's worker, or any client of the queue, can write it. */
const shown = (text: string): string => shortened(printable(text));
const momentOf = (ms: unknown): number =>
  typeof ms === 'number' && ms >= 0 && ms < 8.64e15 ? Math.round(ms) : 0;

/** A bar chart of the durations of the passes, oldest first. */
function chart(passes: readonly PassView[]): Html {
  const shown = [...passes].reverse();
  const most = Math.max(1, ...shown.map(({ duration }) => duration));
  const wide = 100 / Math.max(20, shown.length);
  return html`<figure class="chart"><svg viewBox="0 0 100 24" preserveAspectRatio="none" role="img" aria-label="Duration of the last ${shown.length} passes, ${Math.min(...shown.map(({ duration }) => duration))} to ${most} ms">${shown.map(
    ({ duration, failure }, at) => {
      const height = Math.max(0.8, (duration / most) * 23);
      return html`<rect class="${failure === null ? 'bar' : 'bar failed'}" x="${(at * wide).toFixed(2)}" y="${(24 - height).toFixed(2)}" width="${(wide * 0.8).toFixed(2)}" height="${height.toFixed(2)}"><title>${new Date(shown[at]?.at ?? 0).toISOString()}: ${duration} ms${failure === null ? '' : `, ${failure}`}</title></rect>`;
    },
  )}</svg><figcaption>Duration of each pass, oldest first; the longest took ${most} ms. Failed passes are striped.</figcaption></figure>`;
}

const counts = (result: ShownResult): string => {
  const parts = [
    [result.inserted, 'inserted'],
    [result.deleted, 'deleted'],
    [result.state_updated, 'changed state'],
    [result.config_updated, 'changed content'],
    [result.held, 'held'],
  ].flatMap(([count, word]) => (typeof count === 'number' && count > 0 ? [`${count} ${word}`] : []));
  return parts.length > 0 ? parts.join(', ') : 'no changes';
};

const passTable = (
  host: string,
  passes: readonly PassView[],
): Html => html`<table><caption class="quiet">Last passes of ${host}, newest first</caption>
<thead><tr><th scope="col">When</th><th scope="col">Cause</th><th scope="col">Found</th><th scope="col" class="number">Took</th><th scope="col">Job</th></tr></thead>
<tbody>${passes.map(
  ({ id, at, cause, only, result, failure, duration }) => html`<tr data-key="pass ${id}">
<td class="age">${age(new Date(at).toISOString())}</td><td>${cause}${only === null ? null : html`, ${countOf(only, 'decky')}`}</td>
<td class="reason">${failure === null ? html`${result === null ? 'no result' : counts(result)}${result?.dry_run ? ' (dry run)' : ''}${result?.docker === 'unreachable' ? '; Docker unreachable' : ''}` : html`<span class="warn">failed: ${failure}</span>`}</td>
<td class="number">${duration} ms</td><td><a href="${jobPath(host, id)}">#${id}</a></td></tr>`,
)}</tbody></table>`;

const noteTable = (
  host: string,
  notes: readonly { name: string; reason: string; since: string }[],
  title: string,
  what: string,
): Part =>
  notes.length === 0
    ? null
    : html`<h2>${title}</h2><p class="hint">${what}</p><table><caption class="quiet">${title}</caption><thead><tr><th scope="col">Decky</th><th scope="col">Why</th><th scope="col">Since</th></tr></thead><tbody>${notes.map(
        ({ name, reason, since }) =>
          html`<tr><th scope="row"><a href="${deckyPath(host, name)}">${name}</a></th><td class="reason">${reason === 'undefined' ? '' : reason}</td><td class="age">${age(since, '')}</td></tr>`,
      )}</tbody></table>`;

const gapTable = (gaps: readonly Gap[]): Part =>
  gaps.length === 0
    ? null
    : html`<h2>Gaps</h2><p class="hint">Periods without a full pass for more than three intervals. The states in these periods are unknown.</p><table><caption class="quiet">Gaps, newest first</caption><thead><tr><th scope="col">From</th><th scope="col">To</th></tr></thead><tbody>${gaps
        .slice(0, 20)
        .map(({ from_at, to_at }) => html`<tr><td>${from_at}</td><td>${to_at}</td></tr>`)}</tbody></table>`;

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
