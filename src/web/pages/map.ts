import { severity, stateStyles } from '../../fleet/state-styles.ts';
import { countOf } from '../../fleet/words.ts';
import type { MappedDecky } from '../../views/pages.ts';
import type { HostView } from '../../views/report.ts';
import { type Html, html, type Part } from '../html.ts';
import { age, deckyPath, hostPath, pausedMark, stateMark, stoppedMark } from '../words.ts';
import { brokenOf, isPaused, isStopped, sizeOf } from './host-order.ts';

/** The number of cells on a page. */
export const cellsAtMost = 5000;

/**
 * A cell for each decky, by host. The whole map is one stop of the Tab key; inside it the arrow keys move, which the page's script
 * does. Deckies that do not match the filter are left out.
 * @param matched how many deckies of each host match the filter; null: no filter
 */
export function deckyMap(
  hosts: readonly HostView[],
  deckies: readonly MappedDecky[],
  matched: ReadonlyMap<string, number> | null,
): Html {
  const ofHost = Map.groupBy(deckies, ({ host_uuid }) => host_uuid);
  return html`<div class="map" role="group" aria-label="Map of the deckies. Arrow keys move inside it">${hosts.map(
    (host, at) => tile(host, ofHost.get(host.host_uuid) ?? [], { matched, isFirst: at === 0 }),
  )}</div>`;
}

function tile(
  host: HostView,
  deckies: readonly MappedDecky[],
  { matched, isFirst }: { matched: ReadonlyMap<string, number> | null; isFirst: boolean },
): Html {
  const { host_uuid } = host;
  const isOld = host.stale || isStopped(host) || isPaused(host);
  const hidden = (matched === null ? sizeOf(host) : (matched.get(host_uuid) ?? 0)) - deckies.length;
  return html`<section class="tile${isOld ? ' stale' : ''}" data-key="host ${host_uuid}" data-state="${stateOf(host)}" aria-label="Host ${host_uuid}">
<h2><a href="${hostPath(host_uuid)}"${isFirst ? null : notByTab}>${host_uuid}</a></h2>
<p class="facts">${watched(host)}${brokenCounts(host)}</p>
<p class="cells">${deckies.map((decky) => cell(decky, isOld))}</p>
${hidden > 0 ? html`<p class="more">and ${countOf(hidden, 'decky')} more</p>` : null}</section>`;
}

const notByTab = html` tabindex="-1"`;

/** Its name is read to those who do not see the sign. */
function cell({ host_uuid, name, state }: MappedDecky, isOld: boolean): Html {
  const { glyph, tone } = stateStyles[state];
  const text = `${name} ${isOld ? `last known: ${state}` : state}`;
  return html`<a class="${tone}" href="${deckyPath(host_uuid, name)}" title="${text}" aria-label="${text}"${notByTab}>${glyph}</a>`;
}

/** Whether the host is monitored, if it is not; and whether its Docker answers, if it does not. */
function watched(host: HostView): Part {
  if (host.stopped !== null) return html`<strong class="warn">${stoppedMark(host.stopped)}</strong>`;
  if (host.paused !== null) return html`<strong class="warn">${pausedMark(host.paused)}</strong>`;
  if (host.stale) return html`<strong class="warn">stale: last pass ${age(host.last_full_pass_at)}</strong>`;
  if (host.docker === 'unreachable') return html`<strong class="warn">Docker unreachable</strong>`;
  return null;
}

function brokenCounts(host: HostView): Part {
  if (sizeOf(host) === 0) return html`<span>no decky</span>`;
  if (brokenOf(host) === 0)
    return html`<span>${sizeOf(host).toLocaleString('en')} ${stateMark('running', host.stale)}</span>`;
  return severity
    .filter((state) => state !== 'running' && (host.states[state] ?? 0) > 0)
    .map(
      (state) =>
        html`<span>${(host.states[state] ?? 0).toLocaleString('en')} ${stateMark(state, host.stale)}</span>`,
    );
}

/** What is announced when it changes: `2 failed, 1 degraded`. */
function stateOf(host: HostView): string {
  const counts = severity
    .filter((state) => state !== 'running' && (host.states[state] ?? 0) > 0)
    .map((state) => `${host.states[state] ?? 0} ${state}`);
  return (
    [isStopped(host) ? 'stopped' : isPaused(host) ? 'paused' : host.stale ? 'stale' : null, ...counts]
      .filter((part) => part !== null)
      .join(', ') || 'all running'
  );
}
