import { type Span, stretchesOf } from '../../fleet/availability.ts';
import type { DeckyView, JobData } from '../../fleet/job.ts';
import { linesAtMost } from '../../fleet/last-lines.ts';
import { maskSecrets } from '../../fleet/secrets.ts';
import { withMeaning } from '../../fleet/words.ts';
import { reasonOf } from '../../lib/errors.ts';
import { equalJson, isObject, type Json, textsOf } from '../../lib/json.ts';
import type { RecordedDecky } from '../../views/pages.ts';
import type { HostView, Transition } from '../../views/report.ts';
import { type Html, html, type Part } from '../html.ts';
import type { Page } from '../layout.ts';
import type { WebPorts } from '../ports.ts';
import { age, deckyPath, hostPath, hostTrouble, stateMark } from '../words.ts';
import { band } from './availability.ts';
import { containerTable } from './containers.ts';
import { transitionTable } from './history.ts';

const dayMs = 24 * 3600 * 1000;
const changesShown = 100;
/** Milliseconds that the page waits for the host's worker. */
const askWithinMs = 4000;

/**
 * The page of a decky: desired, recorded and observed state, containers, availability and changes. Null: the decky is unknown.
 * @param options.withLogs whether the last lines of its containers' logs are shown
 */
export async function deckyPage(
  ports: WebPorts,
  host: string,
  name: string,
  { withLogs, hasBoard }: { withLogs: boolean; hasBoard: boolean },
): Promise<Page | null> {
  const now = Date.now();
  const [[found], recorded, asked, { transitions }, week, gaps] = await Promise.all([
    ports.report.hosts(host),
    ports.pages.decky(host, name),
    ask(ports, host, name, withLogs),
    ports.report.history({ host, decky: name, since: null, limit: changesShown }),
    ports.pages.transitions(host, name, now - 7 * dayMs),
    ports.report.gaps(host, new Date(now - 7 * dayMs).toISOString()),
  ]);
  const view = asked.kind === 'answer' ? asked.view : null;
  if (recorded === null && transitions.length === 0 && (view === null || view.desired === null)) return null;
  const unseen: Span[] = gaps.map(({ from_at, to_at }) => ({
    from: Date.parse(from_at),
    to: Date.parse(to_at),
  }));
  if (found?.stale) unseen.push({ from: Date.parse(found.last_full_pass_at ?? '1970-01-01'), to: now });
  const stretches = stretchesOf(week, unseen, { from: now - 7 * dayMs, to: now });
  const lastDay = stretchesOf(week, unseen, { from: now - dayMs, to: now });
  const trouble = found === undefined ? null : hostTrouble(found);
  const rotation = rotated(recorded, transitions);
  return {
    title: name,
    body: html`<nav class="crumbs" aria-label="Path"><a href="/">Fleet</a> <a href="${hostPath(host)}">${host}</a></nav>
<h1>${name}</h1>
<div id="decky" data-live data-host="${host}">
${trouble === null ? null : html`<p class="trouble">${trouble}</p>`}
${asked.kind === 'silence' ? html`<p class="trouble">${asked.why} What is desired and observed now is unknown.</p>` : null}
<div class="three">
${desiredColumn(asked, recorded)}
${recordedColumn(recorded, found)}
${observedColumn(asked, recorded)}
</div>
${rotation}
${differences(view, recorded, rotation !== null)}
${containersPart(view, recorded, rotation !== null)}
${asked.kind === 'answer' ? logsPart(deckyPath(host, name), view, withLogs) : null}
</div>
<div id="availability" data-live>
<h2>Availability</h2>
${band('Last day', lastDay)}
${band('Last 7 days', stretches)}
<p class="help">Availability counts only monitored time. Gaps in the band are unknown, not up.</p>
</div>
<div id="changes" data-live>
<h2>Changes</h2>
${transitions.length === 0 ? html`<p class="empty">No change is recorded.</p>` : transitionTable(transitions, { withNames: false, hasBoard })}
${transitions.length === changesShown ? html`<p class="help">Only the latest ${changesShown} changes are shown. For all of them: <code>decnet-fleet history --host ${host} --decky ${name}</code></p>` : null}
</div>`,
  };
}

type Asked = { kind: 'answer'; view: DeckyView | null; docker: string } | { kind: 'silence'; why: string };

/** Requests a dry run for this decky from the host's worker. */
async function ask(ports: WebPorts, host: string, name: string, withLogs: boolean): Promise<Asked> {
  try {
    if (!(await ports.isWorkerRunning(host)))
      return { kind: 'silence', why: 'No worker is running on its host.' };
    const data: JobData = {
      ...{ host_uuid: host, deckies: [name], dry_run: true, cause: 'manual' },
      ...(withLogs ? { logs: linesAtMost } : {}),
    };
    const { deckies = [], docker } = await ports.request(data, askWithinMs);
    return { kind: 'answer', view: deckies[0] ?? null, docker };
  } catch (error) {
    return { kind: 'silence', why: `Its worker does not answer: ${reasonOf(error)}.` };
  }
}

const column = (title: string, question: string, body: Part): Html =>
  html`<section class="card"><h2>${title}</h2><p class="help">${question}</p>${body}</section>`;

const unknown = html`<p class="empty">unknown</p>`;

function desiredColumn(asked: Asked, recorded: RecordedDecky | null): Html {
  const question = 'declared in the state file of its host';
  if (asked.kind === 'silence') return column('Desired', question, unknown);
  const desired = asked.view?.desired ?? null;
  if (!isObject(desired))
    return column(
      'Desired',
      question,
      html`<p><strong>not declared</strong></p>${recorded === null ? null : html`<p class="help">The next pass deletes the row, unless it is held.</p>`}`,
    );
  return column('Desired', question, html`<p><strong>declared</strong></p>${facts(desired)}${raw(desired)}`);
}

function recordedColumn(recorded: RecordedDecky | null, host: HostView | undefined): Html {
  const question = 'the row in the table fleet_deckies';
  if (recorded === null) return column('Recorded', question, html`<p><strong>not recorded</strong></p>`);
  const config = maskSecrets(recorded.decky_config);
  return column(
    'Recorded',
    question,
    html`<p>${stateMark(recorded.state, host?.stale)} ${recorded.since === null ? null : html`for ${age(recorded.since, '')}`}</p>
${recorded.last_seen === null ? null : html`<p class="help">last change observed ${age(recorded.last_seen)}</p>`}
${recorded.last_error === null ? null : html`<p class="reason">${withMeaning(recorded.last_error)}</p>`}
${facts({ ip: recorded.ip, services: recorded.services })}${isObject(config) ? raw(config) : null}`,
  );
}

function observedColumn(asked: Asked, recorded: RecordedDecky | null): Html {
  const question = 'reported by Docker for this page';
  if (asked.kind === 'silence') return column('Observed', question, unknown);
  const observed = asked.view?.observed ?? null;
  if (observed === null)
    return column(
      'Observed',
      question,
      html`<p class="empty">${asked.docker === 'ok' ? 'The decky is neither declared nor recorded.' : 'Docker does not answer on its host.'}</p>`,
    );
  const differs = recorded !== null && recorded.state !== observed.state;
  return column(
    'Observed',
    question,
    html`<p>${stateMark(observed.state)}${differs ? html` <span class="note">≠ differs from the row</span>` : null}</p>
${observed.reason === null ? null : html`<p class="reason">${withMeaning(observed.reason)}</p>`}`,
  );
}

/** A rotated decky has the services of its row, and not those of the file. */
function containersPart(view: DeckyView | null, recorded: RecordedDecky | null, isRotated: boolean): Part {
  if (view?.observed == null) return null;
  const declared = isObject(view.desired) ? textsOf(view.desired.services) : null;
  const services = isRotated || declared === null ? textsOf(recorded?.services ?? []) : declared;
  return containerTable(services, view.observed.containers);
}

/** The logs are read only on request: attackers write into them, and the worker reads them for this page. */
function logsPart(path: string, view: DeckyView | null, isShown: boolean): Part {
  const containers = view?.observed?.containers ?? [];
  if (containers.length === 0) return null;
  if (!isShown) return html`<p><a href="${path}?logs=1">Show the last lines of their logs</a></p>`;
  return html`<h2>Logs</h2><p class="help">The last ${linesAtMost} lines, at most 4 KB of each container. Attackers can write into them. <a href="${path}">Hide them</a></p>
${containers.map(({ name, log }) => html`<h3><code>${name}</code></h3>${log === undefined ? html`<p class="empty">Its log could not be read.</p>` : log.length === 0 ? html`<p class="empty">Its log is empty.</p>` : html`<pre class="log" tabindex="0">${log.join('\n')}</pre>`}`)}`;
}

/** The services that the decky has now, where they are not those of the file. @see CONTRACT.md, "A living host", d */
function rotated(recorded: RecordedDecky | null, transitions: readonly Transition[]): Part {
  if (recorded === null || !isObject(recorded.decky_config)) return null;
  const [has, declares] = [textsOf(recorded.services), textsOf(recorded.decky_config.services)];
  if (
    has.length === 0 ||
    declares.length === 0 ||
    new Set(has).symmetricDifference(new Set(declares)).size === 0
  )
    return null;
  const since = transitions.find(({ reason }) => /(^|; )rotated: /.test(reason))?.at ?? null;
  return html`<p class="trouble">≠ Its services now: ${has.join(', ')}. The file declares: ${declares.join(', ')}.${since === null ? null : html` Rotated ${age(since)}.`}</p>`;
}

const shownFacts = ['ip', 'services', 'distro', 'hostname', 'archetype', 'nmap_os', 'mutate_interval'];

function facts(object: { readonly [key: string]: Json }): Html {
  const rows = shownFacts.flatMap((key) => {
    const value = object[key];
    return value === undefined || value === null ? [] : [[key, value] as const];
  });
  return html`<dl>${rows.map(([key, value]) => html`<div><dt>${key}</dt><dd>${Array.isArray(value) ? value.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join(', ') : typeof value === 'string' ? value : JSON.stringify(value)}</dd></div>`)}</dl>`;
}

const raw = (object: Json): Html =>
  html`<details><summary>As JSON, secrets masked</summary><pre tabindex="0">${JSON.stringify(object, null, 2)}</pre></details>`;

/** DECNET rewrites these times; they are not a difference. @see CONTRACT.md, rule 5 */
const onlyTimes = new Set(['last_mutated', 'last_login_attempt']);

function differences(view: DeckyView | null, recorded: RecordedDecky | null, isRotated: boolean): Part {
  const desired = view?.desired ?? null;
  const config = recorded === null ? null : maskSecrets(recorded.decky_config);
  if (!isObject(desired) || !isObject(config)) return null;
  const keys = [...new Set([...Object.keys(desired), ...Object.keys(config)])].filter(
    (key) => !onlyTimes.has(key) && !equalJson(desired[key], config[key]),
  );
  if (keys.length === 0)
    return html`<p class="help">${isRotated ? 'Otherwise the' : 'The'} file and the row are equal.</p>`;
  return html`<p class="trouble">≠ The file and the row differ in: ${keys.join(', ')}.</p>`;
}
