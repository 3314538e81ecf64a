import { pausedWords } from '../fleet/pause.ts';
import { isFleetState } from '../fleet/state.ts';
import { stateStyles } from '../fleet/state-styles.ts';
import { stoppedBy, unseen } from '../fleet/words.ts';
import { ageOf } from '../lib/age.ts';
import type { HostView, Paused, Stopped } from '../views/report.ts';
import { type Html, html, type Part } from './html.ts';

/** A time as an age that the page's script keeps current; the full time is its title. @param at ISO 8601 */
export const age = (at: string | null, suffix = ' ago'): Part =>
  at === null
    ? 'never'
    : html`<time datetime="${at}" title="${at}" data-suffix="${suffix}">${ageOf(Date.now() - Date.parse(at))}${suffix}</time>`;

/** A countdown to a time in the future. @param at epoch milliseconds */
export const until = (at: number): Html =>
  html`<time datetime="${new Date(at).toISOString()}" data-until>in ${ageOf(at - Date.now())}</time>`;

/** A state as glyph, word and colour. @see UI.md, "Language of states" */
export function stateMark(state: string, lastKnown = false): Html {
  const style = isFleetState(state) ? stateStyles[state] : { glyph: '·', tone: 'motion' };
  const title = lastKnown ? `last known: ${state}` : state;
  return html`<span class="state ${style.tone} ${lastKnown ? 'last-known' : ''}" title="${title}"><span aria-hidden="true">${style.glyph}</span> ${state}</span>`;
}

export const hostPath = (host: string): string => `/hosts/${encodeURIComponent(host)}`;
export const deckyPath = (host: string, name: string): string =>
  `/deckies/${encodeURIComponent(host)}/${encodeURIComponent(name)}`;
/** Where Bull Board is. */
export const boardPath = '/queues';

/** The number of a job, with a link to it on Bull Board if that is installed. */
export const jobMark = (host: string, id: string, hasBoard: boolean): Html =>
  hasBoard ? html`<a href="${hostPath(host)}/queue?job=${encodeURIComponent(id)}">#${id}</a>` : html`#${id}`;

/** The age of the last full pass in intervals. */
export const intervalsSince = ({ last_full_pass_at: at, interval_s }: HostView): number =>
  at === null ? 0 : Math.floor((Date.now() - Date.parse(at)) / 1000 / interval_s);

/** The problem of a host; null: none. @param isSaid whether the age of its last full pass is already shown beside it */
export function hostTrouble(host: HostView, isSaid = false): Part {
  if (host.first_seen_at === null)
    return html`<strong>Stale:</strong> ${unseen}. Another program wrote its states. Start its worker: <code>decnet-fleet worker</code> on that host; or retire it: <code>decnet-fleet forget --host ${host.host_uuid}</code>`;
  if (host.stopped !== null) return stopTrouble(host, host.stopped, isSaid);
  if (host.paused !== null) return pauseTrouble(host, host.paused, isSaid);
  if (host.last_full_pass_at === null)
    return host.stale
      ? html`No full pass has been made yet. Start its worker: <code>decnet-fleet worker</code> on that host.`
      : null;
  if (host.stale && isSaid) return 'Its states are last known. Check that its worker is running.';
  if (host.stale)
    return html`<strong>Stale:</strong> last full pass ${age(host.last_full_pass_at)} (${intervalsSince(host)} intervals). States below are last known. Check that its worker is running.`;
  if (host.docker === 'unreachable' && host.last_observed_at === null)
    return html`<strong>Docker does not answer</strong> and has never answered. No containers were observed; deletions are held.`;
  if (host.docker === 'unreachable')
    return html`<strong>Docker does not answer.</strong> The last answer came ${age(host.last_observed_at)}. States below are from that time; deletions are held.`;
  return host.last_error;
}

/** Who stopped a host's worker, and when. */
export const stoppedMark = ({ by, at }: Stopped): Html => html`${stoppedBy(by)} ${age(at)}`;

/** Who paused a host's passes, and until when. */
export const pausedMark = (paused: Paused): Html => html`${pausedWords(paused)}`;

const pauseTrouble = (host: HostView, paused: Paused, isSaid: boolean): Html =>
  html`${isSaid ? null : html`No pass runs: <strong>${pausedMark(paused)}</strong> (since ${age(paused.since, '')}). `}${
    host.stale ? 'States below are last known. ' : null
  }To resume it: <code>decnet-fleet resume ${host.host_uuid}</code>`;

const stopTrouble = (host: HostView, stopped: Stopped, isSaid: boolean): Html =>
  html`${isSaid ? null : html`This host is not monitored: <strong>${stoppedMark(stopped)}</strong>. `}${
    host.stale ? 'States below are last known. ' : null
  }To start its worker again, run <code>decnet-fleet worker</code> on that host, or restart <code>decnet-fleet up</code>.`;
