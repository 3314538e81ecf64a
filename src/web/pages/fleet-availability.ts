import { periodNames, periods, shareOf } from '../../fleet/fleet-availability.ts';
import { countOf } from '../../fleet/words.ts';
import type { FleetError } from '../../lib/errors.ts';
import type { FleetAvailability, HostAvailability, PartAvailability } from '../fleet-availability.ts';
import { type Html, html, type Part } from '../html.ts';
import type { Page } from '../layout.ts';
import { hostPath } from '../words.ts';
import { duration, percent } from './availability.ts';
import { otherForms } from './other-forms.ts';

/** Width of a part and height of the drawing, in its own units. */
const [partWidth, height] = [20, 80];
const titles = { day: 'Last day', week: 'Last 7 days', month: 'Last 30 days' } as const;

/** The page of the fleet's availability. @param fault what of the address is not understood */
export const availabilityPage = (found: FleetAvailability, fault: FleetError | null): Page => ({
  title: 'Availability',
  body: html`<nav class="crumbs" aria-label="Path"><a href="/">Fleet</a></nav>
<h1>Availability</h1>
${fault === null ? null : html`<p class="trouble" role="alert">${fault.line}</p>`}
<p class="views">${periodNames.map(
    (name) =>
      html`<a href="/availability?over=${name}"${name === found.over ? html` aria-current="true"` : null}>${titles[name]}</a>`,
  )}</p>
<div id="availability" data-live>${content(found)}</div>`,
});

function content(found: FleetAvailability): Part {
  if (found.hosts.length === 0)
    return html`<p class="empty">No decky is recorded, so there is no availability yet.</p>`;
  return html`<p class="totals"><strong class="figure">${percent(shareOf(found), found.knownMs)}</strong> ${
    found.knownMs > 0
      ? html`<span>running, of ${duration(found.knownMs)} monitored, summed over the deckies</span>`
      : html`<span>no time of this window was monitored</span>`
  }</p>
${drawing(found)}
<p class="help">Counted is the time in which a decky was in the state <code>running</code>, of the time in which it was recorded and its host was monitored. Gaps are unknown, not up: they count neither way.${
    found.readFrom > found.from
      ? html` Changes before ${minute(found.readFrom)} were not read, because there are too many.`
      : null
  }</p>
${hostTable(found.hosts)}
${partTable(found)}
${otherForms(`/api/availability?over=${found.over}`)}`;
}

/** How much of the known time deckies were not running, for each part of the window. */
function drawing({ over, parts }: FleetAvailability): Html {
  const missing = parts.map((part) => 1 - (shareOf(part) ?? 1));
  const max = Math.max(...missing);
  const unknown = parts.filter(({ knownMs }) => knownMs <= 0).length;
  const text =
    max === 0
      ? 'Every decky was running in all monitored time'
      : `Deckies that were not running: at most ${percentUp(max)} of the monitored time in ${periods[over].partName}`;
  return html`<figure class="day availability"><svg viewBox="0 0 ${parts.length * partWidth} ${height}" preserveAspectRatio="none" role="img" aria-label="${text}${unknown > 0 ? `; ${unknown} of ${parts.length} parts are unknown` : ''}. The table below has the figures">${parts.map(
    (part, at) => bar(part, at, { missing: missing[at] ?? 0, max }),
  )}</svg><figcaption class="help"><span>${minute(parts[0]?.from ?? 0)}</span><span>${text}</span><span>now</span></figcaption></figure>`;
}

function bar(part: PartAvailability, at: number, { missing, max }: { missing: number; max: number }): Html {
  const tall = max === 0 ? 0 : (missing / max) * (height - 4);
  const x = at * partWidth;
  return html`<g><title>${minute(part.from)}: ${percent(shareOf(part), part.knownMs)}</title><rect class="part${part.knownMs <= 0 ? ' unknown' : ''}" x="${x}" y="0" width="${partWidth}" height="${height}"/>${tall > 0 ? html`<rect class="alarm" x="${x + 1}" y="${(height - tall).toFixed(1)}" width="${partWidth - 2}" height="${tall.toFixed(1)}"/>` : null}</g>`;
}

/** Rounded up, so that it is never 0 % of something. */
const percentUp = (share: number): string => `${(Math.ceil(share * 1000) / 10).toFixed(1)} %`;

const hostTable = (
  hosts: readonly HostAvailability[],
): Html => html`<table class="hosts"><caption>Hosts, the lowest availability first</caption>
<thead><tr><th scope="col">Host</th><th scope="col" class="number">Availability</th><th scope="col" class="number">Not running</th><th scope="col" class="number">Monitored</th><th scope="col" class="number">Deckies</th></tr></thead>
<tbody>${hosts.map(
  (
    host,
  ) => html`<tr data-key="availability ${host.host}"><th scope="row"><a href="${hostPath(host.host)}">${host.host}</a></th>
<td class="number">${percent(shareOf(host), host.knownMs)}</td><td class="number">${duration(Math.max(0, host.knownMs - host.runningMs))}</td><td class="number">${duration(host.knownMs)}</td><td class="number">${countOf(host.deckies, 'decky')}</td></tr>`,
)}</tbody></table>`;

const partTable = ({
  over,
  parts,
}: FleetAvailability): Html => html`<details><summary>The drawing as a table</summary>
<table class="parts"><caption class="quiet">The fleet by ${periods[over].partName}, newest first</caption>
<thead><tr><th scope="col">From</th><th scope="col" class="number">Availability</th><th scope="col" class="number">Not running</th><th scope="col" class="number">Monitored</th></tr></thead>
<tbody>${parts
  .toReversed()
  .map(
    (part) =>
      html`<tr><th scope="row">${minute(part.from)}</th><td class="number">${percent(shareOf(part), part.knownMs)}</td><td class="number">${duration(Math.max(0, part.knownMs - part.runningMs))}</td><td class="number">${duration(part.knownMs)}</td></tr>`,
  )}</tbody></table></details>`;

/** `2026-01-31 12:00 UTC`. @param at epoch milliseconds */
const minute = (at: number): string => `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
