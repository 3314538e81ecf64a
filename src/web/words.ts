import { isFleetState } from '../fleet/state.ts';
import { ageOf, stateStyles, unseen } from '../fleet/words.ts';
import type { HostView } from '../views/report.ts';
import { type Html, html, type Part } from './html.ts';

/** A moment as an age that ticks by itself; the full time is its title. @param at ISO 8601 */
export const age = (at: string | null, suffix = ' ago'): Part =>
  at === null
    ? 'never'
    : html`<time datetime="${at}" title="${at}" data-suffix="${suffix}">${ageOf(Date.now() - Date.parse(at))}${suffix}</time>`;

/** A time to come, counted down. */
export const until = (at: number): Html =>
  html`<time datetime="${new Date(at).toISOString()}" data-until>in ${ageOf(at - Date.now())}</time>`;

/** Glyph, word and colour together. @see UI.md, "Language of states" */
export function stateMark(state: string, lastKnown = false): Html {
  const look = isFleetState(state) ? stateStyles[state] : { glyph: '·', tone: 'motion' };
  const title = lastKnown ? `last known: ${state}` : state;
  return html`<span class="state ${look.tone} ${lastKnown ? 'last-known' : ''}" title="${title}"><span aria-hidden="true">${look.glyph}</span> ${state}</span>`;
}

export const hostPath = (host: string): string => `/hosts/${encodeURIComponent(host)}`;
export const deckyPath = (host: string, name: string): string =>
  `/deckies/${encodeURIComponent(host)}/${encodeURIComponent(name)}`;
export const jobPath = (host: string, id: string): string =>
  `/hosts/${encodeURIComponent(host)}/queue?job=${encodeURIComponent(id)}`;

/** How many intervals ago its last full pass was. */
export const intervalsSince = ({ last_full_pass_at: at, interval_s }: HostView): number =>
  at === null ? 0 : Math.floor((Date.now() - Date.parse(at)) / 1000 / interval_s);

/** What is wrong with a host, and what still works; null: nothing. @param isSaid its age stands beside it already */
export function hostTrouble(host: HostView, isSaid = false): Part {
  if (host.first_seen_at === null)
    return html`<strong>Stale:</strong> ${unseen}. Its states are what another program wrote. Start its worker: <code>node worker.ts</code> on that host; or retire it: <code>decnet-fleet forget --host ${host.host_uuid}</code>`;
  if (host.last_full_pass_at === null)
    return host.stale
      ? html`No full pass has been made yet. Start its worker: <code>node worker.ts</code> on that host.`
      : null;
  if (host.stale && isSaid) return 'Its states are last known ones. Is its worker running?';
  if (host.stale)
    return html`<strong>Stale:</strong> last full pass ${age(host.last_full_pass_at)} (${intervalsSince(host)} intervals). States below are last known. Is its worker running?`;
  if (host.docker === 'unreachable' && host.last_observed_at === null)
    return html`<strong>Docker does not answer</strong> and has not answered before. No container was observed; deletions are held.`;
  if (host.docker === 'unreachable')
    return html`<strong>Docker does not answer.</strong> The last answer came ${age(host.last_observed_at)}. States below are from then; deletions are held.`;
  return host.last_error;
}
