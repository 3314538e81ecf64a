import { longestWhy } from '../../fleet/who-why.ts';
import { countOf } from '../../fleet/words.ts';
import type { HostView } from '../../views/report.ts';
import { type Html, html, type Part } from '../html.ts';
import { hostPath } from '../words.ts';

/** How long a host may be paused from its page, in hours; 0: until somebody resumes it. */
const hoursOffered = [1, 4, 24, 0];

/** The button that pauses a host, or resumes it. A host that no worker has ever monitored has neither. */
export function pauseForm({ host_uuid: host, first_seen_at, paused }: HostView): Part {
  if (first_seen_at === null) return null;
  return paused === null
    ? html`<form method="post" action="${hostPath(host)}/pause"><input name="why" required maxlength="${longestWhy}" placeholder="why" aria-label="Why it is paused" autocomplete="off"> <select name="hours" aria-label="For how long">${hoursOffered.map(hoursOption)}</select> <button type="submit">Pause</button></form>`
    : html`<form method="post" action="${hostPath(host)}/resume"><button type="submit">Resume</button></form>`;
}

const hoursOption = (hours: number): Html =>
  html`<option value="${hours}">${hours === 0 ? 'until it is resumed' : `for ${countOf(hours, 'hour')}`}</option>`;

/** What the form of a pause says; null: nothing valid. @param body the fields of the form */
export function pauseAsked(
  body: Readonly<Record<string, unknown>>,
): { why: string; seconds: number | null } | null {
  const { why, hours } = body;
  const chosen = hoursOffered.find((one) => String(one) === hours);
  if (typeof why !== 'string' || chosen === undefined) return null;
  const text = why.trim();
  if (text === '' || text.length > longestWhy) return null;
  return { why: text, seconds: chosen === 0 ? null : chosen * 3600 };
}
