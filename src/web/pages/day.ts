import { brokenOverDay, type PartOfDay, partSeconds, partsOfDay } from '../../fleet/broken-over-day.ts';
import type { DayChanges } from '../../views/pages.ts';
import { historyPath } from '../history-address.ts';
import { type Html, html } from '../html.ts';

/** Width of a part and height of the band, in the units of the drawing. */
const [partWidth, height] = [10, 40];

/**
 * The last day as a band: how many deckies were broken in each quarter of an hour, and a link to what changed in it. The band is
 * one stop of the Tab key, as the map.
 */
export function dayBand(broken: number, { parts, since }: DayChanges): Html {
  const now = Math.floor(Date.now() / 1000 / partSeconds);
  const day = brokenOverDay(broken, now, parts, since);
  const max = Math.max(...day.map((one) => one.broken ?? 0));
  return html`<figure class="day"><svg viewBox="0 0 ${partsOfDay * partWidth} ${height}" preserveAspectRatio="none" role="group" aria-label="Broken deckies over the last 24 hours: at most ${max}, now ${broken}. Arrow keys move inside it">${day.map(
    (one, at) => bar(one, at, max),
  )}</svg><figcaption class="help"><span>24 h ago</span><span>${max === 0 ? 'no decky was broken' : `broken deckies, at most ${max.toLocaleString('en')}; select a time to see what changed`}</span><span>now</span></figcaption></figure>
<p class="help"><a href="/availability">Availability over a day, a week and a month</a></p>`;
}

function bar({ part, broken, changes }: PartOfDay, at: number, max: number): Html {
  const [from, to] = [part * partSeconds * 1000, (part + 1) * partSeconds * 1000].map((ms) =>
    new Date(ms).toISOString(),
  );
  const path = historyPath({}, { since: from ?? '', until: to ?? '' });
  const tall = broken === null || max === 0 ? 0 : (broken / max) * (height - 2);
  const text = `${(from ?? '').slice(11, 16)} UTC: ${broken === null ? 'unknown' : `${broken.toLocaleString('en')} broken`}, ${changes.toLocaleString('en')} changed`;
  return html`<a href="${path}" aria-label="${text}"${at === partsOfDay - 1 ? null : html` tabindex="-1"`}><title>${text}</title><rect class="part${broken === null ? ' unknown' : ''}" x="${at * partWidth}" y="0" width="${partWidth}" height="${height}"/>${tall > 0 ? html`<rect class="alarm" x="${at * partWidth + 1}" y="${(height - tall).toFixed(1)}" width="${partWidth - 2}" height="${tall.toFixed(1)}"/>` : null}${changes > 0 ? html`<rect class="motion" x="${at * partWidth + 1}" y="${height - 2}" width="${partWidth - 2}" height="2"/>` : null}</a>`;
}
