import { nextSlot } from '../../fleet/slots.ts';
import { severity } from '../../fleet/state-styles.ts';
import { withMeaning } from '../../fleet/words.ts';
import { textsOf } from '../../lib/json.ts';
import type { ListedDecky } from '../../views/pages.ts';
import type { HostView } from '../../views/report.ts';
import { addressOf, type FleetAddress } from '../address.ts';
import { type Html, html, type Part } from '../html.ts';
import {
  age,
  deckyPath,
  hostPath,
  hostTrouble,
  intervalsSince,
  pausedMark,
  stateMark,
  stoppedMark,
  until,
} from '../words.ts';
import { sizeOf } from './host-order.ts';
import { livingLine } from './undeclared.ts';

const lastPass = (host: HostView): Part =>
  host.last_full_pass_at === null
    ? 'no full pass yet'
    : html`last pass ${age(host.last_full_pass_at)} (${intervalsSince(host)} intervals)`;

/** A host with a row for each listed decky. @param matched how many deckies of each host match the filters; null: no filter */
export function hostGroup(
  host: HostView,
  deckies: readonly ListedDecky[],
  address: FleetAddress,
  matched: ReadonlyMap<string, number> | null,
): Html {
  const { host_uuid, interval_s, stale, stopped, paused } = host;
  const total = matched?.get(host_uuid) ?? sizeOf(host);
  const isOpen = address.open.includes(host_uuid);
  const hidden = total - deckies.length;
  const next = nextSlot({ host: host_uuid, intervalMs: interval_s * 1000 }, Date.now());
  const trouble = hostTrouble(host, true);
  const remarks = remarksOf(host);
  return html`<section class="host ${stale ? 'stale' : ''}" data-key="host ${host_uuid}" aria-label="Host ${host_uuid}">
<h2><a href="${hostPath(host_uuid)}">${host_uuid}</a></h2>
<p class="facts"><span>${
    stopped !== null
      ? html`<strong class="warn">${stoppedMark(stopped)}</strong></span><span>${lastPass(host)}`
      : paused !== null
        ? html`<strong class="warn">${pausedMark(paused)}</strong></span><span>${lastPass(host)}`
        : stale
          ? html`<strong class="warn">STALE: ${lastPass(host)}</strong>`
          : html`pass ${age(host.last_pass_at)}`
  }</span>${
    stale || stopped !== null || paused !== null
      ? null
      : html`<span>Docker ${host.docker === 'unreachable' ? html`<strong class="warn">unreachable</strong>` : host.docker}</span><span>next ${until(next)}</span>`
  }<span class="counts">${severity.map((state) =>
    (host.states[state] ?? 0) > 0
      ? html`<span>${host.states[state] ?? 0} ${stateMark(state, stale)}</span>`
      : null,
  )}</span></p>
${trouble === null ? null : html`<p class="trouble">${trouble}</p>`}
${livingLine(host)}
${
  deckies.length === 0 && total === 0
    ? html`<p class="empty">${noDecky}</p>`
    : deckies.length === 0
      ? null
      : deckyTable(host_uuid, deckies, stale, remarks)
}
${
  hidden > 0
    ? html`<p class="more"><a href="${addressOf(address, { open: [...address.open, host_uuid] })}">… ${hidden.toLocaleString('en')} ${deckies.some(({ state }) => state === 'running') || matched !== null ? 'more' : stale ? 'last known' : 'running'}</a></p>`
    : isOpen
      ? html`<p class="more"><a href="${addressOf(address, { open: address.open.filter((one) => one !== host_uuid) })}">Show fewer</a></p>`
      : null
}
</section>`;
}

export const noDecky =
  'No decky is recorded on this host. Its state file declares none or has not been read yet.';

export const deckyTable = (
  host: string,
  deckies: readonly ListedDecky[],
  stale: boolean,
  remarks: ReadonlyMap<string, Part>,
): Html => html`<table class="deckies"><caption class="quiet">Deckies of ${host}</caption>
<thead><tr><th scope="col">Decky</th><th scope="col">State</th><th scope="col">Since</th><th scope="col">Reason</th><th scope="col">IP</th><th scope="col">Services</th></tr></thead>
<tbody>${deckies.map(
  (decky) => html`<tr data-key="${host} ${decky.name}" data-state="${decky.state}">
<th scope="row"><a href="${deckyPath(host, decky.name)}">${decky.name}</a></th>
<td>${stateMark(decky.state, stale)}</td>
<td class="age">${decky.since === null ? null : age(decky.since, '')}</td>
<td class="reason">${withMeaning(decky.last_error ?? '')}${remarks.get(decky.name) ?? null}</td>
<td class="ip">${decky.ip ?? ''}</td>
<td class="services">${textsOf(decky.services).join(', ')}</td></tr>`,
)}</tbody></table>`;

/** Why rows are held, contested or left to their writer. */
export function remarksOf(host: HostView): ReadonlyMap<string, Part> {
  const remark = (sign: string, title: string, reason: string): Html =>
    html` <span class="note" title="${title}">${sign}: ${reason}</span>`;
  return new Map<string, Part>([
    ...host.left.map(
      ({ name }) =>
        [
          name,
          remark(
            'left',
            'Another program wrote this row recently; it is not changed during the grace period.',
            'to its writer',
          ),
        ] as const,
    ),
    ...host.held.map(
      ({ name, reason }) =>
        [
          name,
          remark('held', 'This row is kept on purpose, although the file does not declare it.', reason),
        ] as const,
    ),
    ...host.contested.map(
      ({ name, reason }) =>
        [name, remark('contested', 'Another program keeps changing this row back.', reason)] as const,
    ),
  ]);
}
