// Times as ages that tick, or as times: a title can be read only with a mouse.

import { ageOf } from '../../lib/age.ts';

/** Whether times are shown as such instead of as ages. */
let showsTimes = localStorage.getItem('times') === 'absolute';

/** `2026-01-31 12:00:05`, in the reader's time zone. */
const timeOf = (at: number): string => new Date(at).toLocaleString('sv-SE');

function textOf(time: HTMLTimeElement, now: number): string {
  const at = Date.parse(time.dateTime);
  if (showsTimes) return timeOf(at);
  if (time.dataset.until === undefined) return `${ageOf(now - at)}${time.dataset.suffix ?? ''}`;
  return at > now ? `in ${ageOf(at - now)}` : 'due';
}

/** Brings all times of the page up to date. */
export function tick(): void {
  const now = Date.now();
  for (const time of document.querySelectorAll<HTMLTimeElement>('time[datetime]')) {
    const text = textOf(time, now);
    if (time.textContent !== text) time.textContent = text;
  }
}

const times = document.querySelector<HTMLButtonElement>('#times');
function showTimes(): void {
  if (times === null) return;
  times.hidden = false;
  document.documentElement.dataset.times = showsTimes ? 'absolute' : 'age';
  times.textContent = showsTimes ? 'Times' : 'Ages';
  times.setAttribute('aria-label', `${showsTimes ? 'Times are' : 'Ages are'} shown. Change it`);
}
times?.addEventListener('click', () => {
  showsTimes = !showsTimes;
  localStorage.setItem('times', showsTimes ? 'absolute' : 'age');
  showTimes();
  tick();
});

showTimes();
