import { undeclaredWords } from '../../fleet/words.ts';
import type { HostView, UndeclaredDecky } from '../../views/report.ts';
import { ago, paint, type Screen, table } from '../text.ts';

/** More are in the JSON and on the host's page. */
const shownAtMost = 20;

/** What removes the containers of an undeclared decky, on its host. */
export const removalText = ({ remove, containers }: UndeclaredDecky): string =>
  remove ??
  (containers.length === 0
    ? 'find its containers with docker ps -a'
    : `no command: ${containers.join(', ')} are not names that Docker gives`);

/** The undeclared deckies of a host and its leftovers, each kind under a line that says what they are. */
export function undeclaredText(screen: Screen, { undeclared }: HostView): readonly string[] {
  return (['running', 'leftover'] as const).flatMap((kind) => {
    const found = undeclared.filter((one) => one.kind === kind);
    if (found.length === 0) return [];
    const { title, meaning } = undeclaredWords[kind];
    const rows = found.slice(0, shownAtMost).map((one) => [one.name, ago(one.since), removalText(one)]);
    const more = found.length - rows.length;
    return [
      `  ${paint(screen, 'yellow', `${title}:`)} ${meaning} Each line ends with what removes it, on that host:`,
      // The terminal itself wraps long lines, so that a command is copied as one.
      table({ ...screen, width: null }, rows, '    '),
      ...(more > 0 ? [`    and ${more.toLocaleString('en')} more (--json shows them)`] : []),
    ];
  });
}

/** `deploying web-02, iot-01 (began 40 s ago)`; of a host whose states are last known nothing. */
export const deployingText = ({ deploying, stale }: HostView): readonly string[] =>
  deploying === null || stale ? [] : [`deploying ${deploying.of} (began ${ago(deploying.since)})`];
