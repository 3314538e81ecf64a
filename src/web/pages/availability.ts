import { type Availability, availabilityOf, type Stretch } from '../../fleet/availability.ts';
import { stateStyles } from '../../fleet/state-styles.ts';
import { type Html, html } from '../html.ts';
import { stateMark } from '../words.ts';

const hourMs = 3_600_000;
const day = 24 * hourMs;

/** A period as a band, coloured by state. */
export function band(title: string, stretches: readonly Stretch[]): Html {
  const first = stretches[0]?.from ?? 0;
  const length = Math.max(1, (stretches.at(-1)?.to ?? 1) - first);
  const { share, knownMs } = availabilityOf(stretches);
  const bars = stretches.map(({ from, to, state }) => {
    // Short periods must stay visible.
    const width = Math.max(3, ((to - from) / length) * 1000);
    const x = Math.min(((from - first) / length) * 1000, 1000 - width);
    return html`<rect class="${state === null ? 'unknown' : stateStyles[state].tone}" x="${x.toFixed(1)}" y="0" width="${width.toFixed(1)}" height="20"><title>${state ?? 'not monitored'}: ${new Date(from).toISOString()} to ${new Date(to).toISOString()}</title></rect>`;
  });
  return html`<figure class="band"><figcaption><strong>${title}</strong> <span class="figure">${percent(share, knownMs)}</span> ${share === null ? null : html`running, of ${duration(knownMs)} monitored`}</figcaption>
<svg viewBox="0 0 1000 20" preserveAspectRatio="none" role="img" aria-label="${title}: ${describe({ share, knownMs })}">${bars}</svg>${legend(stretches)}</figure>`;
}

/** The legend of a band. */
function legend(stretches: readonly Stretch[]): Html {
  const sums = new Map<Stretch['state'], number>();
  for (const { from, to, state } of stretches) sums.set(state, (sums.get(state) ?? 0) + to - from);
  return html`<p class="counts help">${[...sums].map(([state, ms]) => html`<span>${state === null ? 'not monitored' : stateMark(state)} ${duration(ms)}</span>`)}</p>`;
}

/** 0.29 times 100 is a little less than 29. */
const tiny = 1e-9;

/**
 * Rounded down, so that it is never 100 % of less, and no more exact than what it was measured over.
 * @param known milliseconds
 */
export function percent(share: number | null, known: number): string {
  if (share === null) return 'unknown';
  const digits = known < hourMs ? 0 : known < day ? 1 : 2;
  return share === 1
    ? '100 %'
    : `${(Math.floor(share * 10 ** (digits + 2) + tiny) / 10 ** digits).toFixed(digits)} %`;
}

/** `40 s`, `12 min`, `3.5 h`. @param ms milliseconds */
export function duration(ms: number): string {
  if (ms < 60_000) return `${Math.round(ms / 1000)} s`;
  return ms < hourMs
    ? `${Math.round(ms / 60_000)} min`
    : `${(ms / hourMs).toLocaleString('en', { maximumFractionDigits: 1 })} h`;
}

const describe = ({ share, knownMs }: Pick<Availability, 'share' | 'knownMs'>): string =>
  share === null ? 'unknown' : `${percent(share, knownMs)} of ${duration(knownMs)} running`;
