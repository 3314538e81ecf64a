import type { FleetState } from '../../fleet/state.ts';
import { severity } from '../../fleet/state-styles.ts';
import { countOf, undeclaredCounts } from '../../fleet/words.ts';
import type { HostView } from '../../views/report.ts';
import { addressOf, type FleetAddress } from '../address.ts';
import { type Html, html, type Part } from '../html.ts';
import { hostPath, stateMark } from '../words.ts';
import { brokenOf, isPaused, isStopped, sizeOf, sumOf } from './host-order.ts';

/** Nobody stopped its worker or paused its passes. */
const isUnexpectedlyStale = (host: HostView): boolean => host.stale && !isStopped(host) && !isPaused(host);

/** The title of the page: also shows problems while the tab is in the background. */
export function headline(hosts: readonly HostView[]): string {
  const down = sumOf(hosts, (host) => (host.stale ? 0 : brokenOf(host)));
  const stopped = hosts.filter(isStopped).length;
  const paused = hosts.filter(isPaused).length;
  const stale = hosts.filter(isUnexpectedlyStale).length;
  return [
    down > 0 ? `${down} broken` : null,
    stale > 0 ? `${stale} stale` : null,
    stopped > 0 ? `${stopped} stopped` : null,
    paused > 0 ? `${paused} paused` : null,
    'Fleet',
  ]
    .filter((part) => part !== null)
    .join(', ');
}

/** The sums of the fleet, each a filter. */
export function totals(hosts: readonly HostView[], address: FleetAddress): Html {
  const stopped = hosts.filter(isStopped);
  const paused = hosts.filter(isPaused);
  const stale = hosts.filter(isUnexpectedlyStale);
  // The states of stale hosts are only last known, so they are counted separately.
  const known = sumOf(hosts, (host) => (host.stale ? sizeOf(host) : 0));
  const mute = hosts.filter((host) => !host.stale && host.docker === 'unreachable');
  const contested = sumOf(hosts, (host) => host.contested.length);
  const held = sumOf(hosts, (host) => host.held.length);
  const undeclared = undeclaredCounts(hosts.flatMap((host) => host.undeclared));
  const named = (some: readonly HostView[]): Part =>
    some
      .slice(0, 3)
      .map(
        (host, at) => html`${at > 0 ? ', ' : ''}<a href="${hostPath(host.host_uuid)}">${host.host_uuid}</a>`,
      );
  return html`<p class="totals"><strong class="figure">${countOf(sumOf(hosts, sizeOf), 'decky')}</strong>
${['running', ...severity.filter((state) => state !== 'running')].map((word) => {
  const state = word as FleetState;
  const count = sumOf(hosts, (host) => (host.stale ? 0 : (host.states[state] ?? 0)));
  return count === 0
    ? null
    : html`<a href="${addressOf(address, { state: address.state === state ? null : state, page: 1 })}"${address.state === state ? html` aria-current="true"` : null}><span class="figure">${count.toLocaleString('en')}</span> ${stateMark(state)}</a>`;
})}${known > 0 ? html`<span class="state last-known"><span class="figure">${known.toLocaleString('en')}</span> last known</span>` : null}</p>
<p class="totals minor"><strong class="figure">${countOf(hosts.length, 'host')}</strong>
<span>${(hosts.length - stale.length - stopped.length - paused.length).toLocaleString('en')} fresh</span>
${stale.length > 0 ? html`<span class="warn">${stale.length} stale (${named(stale)}${stale.length > 3 ? ' …' : ''})</span>` : null}
${stopped.length > 0 ? html`<span class="warn">${stopped.length} stopped (${named(stopped)}${stopped.length > 3 ? ' …' : ''})</span>` : null}
${paused.length > 0 ? html`<span class="warn">${paused.length} paused (${named(paused)}${paused.length > 3 ? ' …' : ''})</span>` : null}
${mute.length > 0 ? html`<span class="warn">${mute.length} without Docker (${named(mute)}${mute.length > 3 ? ' …' : ''})</span>` : null}
${contested > 0 ? html`<span class="warn">${contested} contested</span>` : null}
${held > 0 ? html`<span>${held} held</span>` : null}
${undeclared.map((text) => html`<span class="warn">${text}</span>`)}</p>`;
}
