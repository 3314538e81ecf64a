import { csvText } from '../../lib/csv.ts';
import { textsOf } from '../../lib/json.ts';
import type { IncidentView } from '../../views/incidents.ts';
import type { DeckyRow } from '../../views/report.ts';
import { ago, jsonText, paint, type Screen, stateText, table, withMeaning } from '../text.ts';
import { yamlText } from '../yaml.ts';
import { byHost } from './by-host.ts';
import { headText, sumsOf } from './head.ts';
import { incidentLines } from './incidents.ts';
import { type HostStatus, isFiltered, type Selection, type SortKey, sorted } from './selection.ts';

export const forms = ['table', 'wide', 'json', 'yaml', 'csv'] as const;
export type Form = (typeof forms)[number];

/** What `status` prints. */
export interface Shown {
  /** The hosts that were asked for, with all their deckies. */
  readonly scope: readonly HostStatus[];
  /** The open incidents that affect them. */
  readonly incidents: readonly IncidentView[];
  /** What of them is shown. */
  readonly hosts: readonly HostStatus[];
  readonly selection: Selection;
  /** Whether running deckies are listed even on hosts that have many. */
  readonly all: boolean;
}

/** The text of a form, with its last line break. */
export async function textOf(form: Form, screen: Screen, shown: Shown): Promise<string> {
  switch (form) {
    case 'table':
      return `${forPeople(screen, shown, () => byHost(screen, shown.hosts, shown.selection, shown))}\n`;
    case 'wide':
      return `${forPeople(screen, shown, () => wideText(screen, shown))}\n`;
    case 'json':
      return `${jsonText(documentOf(shown))}\n`;
    case 'yaml':
      return yamlText(documentOf(shown));
    case 'csv':
      return csvText([csvColumns, ...flat(shown, null).map(csvRow)]);
  }
}

function forPeople(
  screen: Screen,
  { scope, incidents, hosts, selection }: Shown,
  list: () => string,
): string {
  if (scope.length === 0)
    return 'No host is known yet. Run `decnet-fleet up`, or `decnet-fleet reconcile --once` on a host.';
  const none = isFiltered(selection) && hosts.length === 0;
  const head = [headText(screen, scope), ...incidentLines(screen, incidents)].join('\n');
  return [head, none ? 'Nothing of what was asked for.' : list()].join('\n\n');
}

/** The order of the hosts is that of their names, and so is that of their deckies, unless another order was asked for. */
function documentOf({ scope, incidents, hosts, selection: { sort } }: Shown) {
  const { paused, stale, unseen, unreachable, ...sums } = sumsOf(scope);
  return {
    summary: {
      ...sums,
      paused: paused.length,
      stale: stale.length,
      unreachable: unreachable.length,
      never_monitored: unseen.length,
    },
    incidents,
    hosts: hosts.map((host) => ({
      ...host,
      deckies: sort === null ? host.deckies : sorted(host.deckies, sort),
    })),
  };
}

interface FlatDecky extends DeckyRow {
  readonly host: string;
  readonly stale: boolean;
}

/** @param usual the order if none was asked for; null: by host and name */
function flat({ hosts, selection }: Shown, usual: SortKey | null): readonly FlatDecky[] {
  const deckies = hosts.flatMap(({ host_uuid: host, stale, deckies: of }) =>
    of.map((decky) => ({ ...decky, host, stale })),
  );
  const key = selection.sort ?? usual;
  return key === null ? deckies : sorted(deckies, key);
}

const servicesText = ({ services }: DeckyRow): string => textsOf(services).join(' ');

const wideColumns = ['HOST', 'NAME', 'IP', 'SERVICES', 'STATE', 'SINCE', 'SEEN', 'REASON'];

/** One line for each decky. It is not wrapped, so that `grep` and `less -S` see it whole. */
function wideText(screen: Screen, shown: Shown): string {
  const rows = flat(shown, 'severity').map((decky) => [
    decky.host,
    decky.name,
    decky.ip ?? '',
    servicesText(decky),
    stateText(screen, decky.state, decky.stale) + (decky.stale ? ' (last known)' : ''),
    decky.since === null ? '' : ago(decky.since),
    decky.last_seen === null ? '' : ago(decky.last_seen),
    withMeaning(decky.last_error ?? ''),
  ]);
  const heading = wideColumns.map((name) => paint(screen, 'bold', name));
  return table({ ...screen, width: null }, [heading, ...rows]);
}

const csvColumns = [
  'host',
  'name',
  'ip',
  'services',
  'state',
  'stale',
  'since',
  'last_seen',
  'updated_at',
  'reason',
];

const csvRow = (decky: FlatDecky): readonly (string | null)[] => [
  decky.host,
  decky.name,
  decky.ip,
  servicesText(decky),
  decky.state,
  String(decky.stale),
  decky.since,
  decky.last_seen,
  decky.updated_at,
  decky.last_error,
];
