import { pausedWords } from '../../fleet/pause.ts';
import type { HostView } from '../../views/report.ts';
import { decnetTableText } from '../commands/decnet-table.ts';
import { deployingText, undeclaredText } from '../commands/undeclared.ts';
import { freshness, statesText } from '../host-words.ts';
import {
  ago,
  paint,
  type Screen,
  startAgain,
  stateText,
  stoppedBy,
  table,
  unseen,
  withMeaning,
} from '../text.ts';
import { type HostStatus, isFiltered, type Selection, sorted, worstFirst } from './selection.ts';

/** On a host with more deckies than this, running deckies are counted but not listed. */
const few = 20;

/** The hosts one after the other, each with its deckies under it. */
export function byHost(
  screen: Screen,
  hosts: readonly HostStatus[],
  selection: Selection,
  options: { all: boolean },
): string {
  const isWorstFirst = (selection.sort ?? 'severity') === 'severity';
  const listsRunning = options.all || selection.states.includes('running');
  return (isWorstFirst ? worstFirst(hosts) : hosts)
    .map((host) => hostText(screen, host, selection, listsRunning))
    .join('\n\n');
}

function hostText(screen: Screen, host: HostStatus, selection: Selection, listsRunning: boolean): string {
  const shown =
    listsRunning || host.deckies.length <= few
      ? host.deckies
      : host.deckies.filter(({ state }) => state !== 'running');
  const hidden = host.deckies.length - shown.length;
  const rows = deckyRows(screen, { ...host, deckies: sorted(shown, selection.sort ?? 'severity') });
  return [
    ...hostLines(screen, host),
    ...(rows.length > 0 ? [table(screen, rows, '  ')] : []),
    ...(hidden > 0
      ? [`  ${screen.unicode ? '…' : '...'} ${hidden.toLocaleString('en')} running (--all shows them)`]
      : []),
    ...(host.deckies.length > 0
      ? []
      : [isFiltered(selection) ? '  No decky of it was asked for.' : '  No decky is recorded on this host.']),
    ...(isFiltered(selection) ? [] : undeclaredText(screen, host)),
  ].join('\n');
}

function deckyRows(screen: Screen, host: HostStatus): readonly (readonly string[])[] {
  const remarks = new Map([
    ...host.left.map(({ name }) => [name, 'left to its writer'] as const),
    ...host.held.map(({ name, reason }) => [name, `held: ${reason}`] as const),
    ...host.contested.map(({ name, reason }) => [name, `contested: ${reason}`] as const),
  ]);
  return host.deckies.map((decky) => [
    decky.name,
    decky.ip ?? '',
    stateText(screen, decky.state, host.stale),
    decky.since === null ? '' : ago(decky.since),
    [withMeaning(decky.last_error ?? ''), remarks.get(decky.name) ?? '']
      .filter((text) => text !== '')
      .join('; '),
  ]);
}

/** The line of a host, and what is wrong with it. */
function hostLines(screen: Screen, host: HostStatus): readonly string[] {
  const dot = screen.unicode ? '·' : '-';
  const yellow = (text: string): string => `  ${paint(screen, 'yellow', text)}`;
  return [
    [
      paint(screen, 'bold', host.host_uuid),
      `pass ${freshness(screen, host)}`,
      `Docker ${host.docker}`,
      statesText(screen, host),
    ].join(` ${dot} `),
    ...(host.first_seen_at === null ? [yellow(unseen)] : []),
    ...(host.stopped === null
      ? []
      : [
          yellow(`${stoppedBy(host.stopped.by)} ${ago(host.stopped.at)}; to start its worker, ${startAgain}`),
        ]),
    ...(host.paused === null
      ? []
      : [yellow(`${pausedWords(host.paused)}; to resume it: decnet-fleet resume ${host.host_uuid}`)]),
    ...(host.last_error === null ? [] : [yellow(host.last_error)]),
    ...decnetTableText(host).map((text) => (isDecnetWell(host) ? `  ${text}` : yellow(text))),
    ...deployingText(host).map((text) => `  ${paint(screen, 'cyan', text)}`),
  ];
}

const isDecnetWell = ({ decnet_table: table }: HostView): boolean =>
  table === null || (table.failing_since === null && table.rival === null);
