import { requireHost } from '../../app/known-hosts.ts';
import type { DeckyRow, HostView } from '../../views/report.ts';
import type { Context } from '../context.ts';
import { type Register, withApp } from '../context.ts';
import { option } from '../options.ts';
import { ago, paint, type Screen, severity, stateText, table, unseen, withMeaning } from '../text.ts';
import { freshness, statesText } from './hosts.ts';

/** Prints the fleet, broken deckies first. */
export const status: Register = (program, context) => {
  program
    .command('status')
    .description('show every host and its deckies, broken ones first')
    .option('--host <host>', 'only this host', option.host)
    .option('--json', 'print JSON')
    .option('--all', 'list running deckies even on hosts that have many')
    .action(({ host, json, all }: { host?: string; json?: true; all?: true }) =>
      withApp(context, async (app) => {
        const report = await app.report();
        const found = await report.hosts(host ?? null);
        if (host !== undefined && found.length === 0) await requireHost(app, host);
        const hosts: HostStatus[] = [];
        for (const one of found) hosts.push({ ...one, deckies: await report.deckies(one.host_uuid) });
        if (json) return context.printJson({ hosts });
        print(context, hosts, all === true);
      }),
    );
};

interface HostStatus extends HostView {
  readonly deckies: readonly DeckyRow[];
}

/** On a host with more deckies than this, running deckies are counted but not listed. */
const few = 20;

function print(context: Context, hosts: readonly HostStatus[], all: boolean): void {
  context.print(
    hosts.length > 0
      ? hosts.map((host) => hostText(context.screen, host, all)).join('\n\n')
      : 'No host is known yet. Run `decnet-fleet up`, or `decnet-fleet reconcile --once` on a host.',
  );
}

function hostText(screen: Screen, host: HostStatus, all: boolean): string {
  const dot = screen.unicode ? '·' : '-';
  const head = [
    paint(screen, 'bold', host.host_uuid),
    `pass ${freshness(screen, host)}`,
    `Docker ${host.docker}`,
    statesText(screen, host),
  ].join(` ${dot} `);
  const shown =
    all || host.deckies.length <= few
      ? host.deckies
      : host.deckies.filter(({ state }) => state !== 'running');
  const hidden = host.deckies.length - shown.length;
  const notes = new Map([
    ...host.left.map(({ name }) => [name, 'left to its writer'] as const),
    ...host.held.map(({ name, reason }) => [name, `held: ${reason}`] as const),
    ...host.contested.map(({ name, reason }) => [name, `contested: ${reason}`] as const),
  ]);
  const rows = [...shown]
    .sort(bySeverity)
    .map((decky) => [
      decky.name,
      decky.ip ?? '',
      stateText(screen, decky.state, host.stale),
      decky.since === null ? '' : ago(decky.since),
      [withMeaning(decky.last_error ?? ''), notes.get(decky.name) ?? '']
        .filter((text) => text !== '')
        .join('; '),
    ]);
  return [
    head,
    ...(host.first_seen_at === null ? [`  ${paint(screen, 'yellow', unseen)}`] : []),
    ...(host.last_error === null ? [] : [`  ${paint(screen, 'yellow', host.last_error)}`]),
    ...(rows.length > 0 ? [table(screen, rows, '  ')] : []),
    ...(hidden > 0 ? [`  ${screen.unicode ? '…' : '...'} ${hidden} running (--all shows them)`] : []),
    ...(host.deckies.length === 0 ? ['  No decky is recorded on this host.'] : []),
  ].join('\n');
}

const bySeverity = (a: DeckyRow, b: DeckyRow): number =>
  severity.indexOf(a.state) - severity.indexOf(b.state) ||
  Date.parse(b.since ?? '0') - Date.parse(a.since ?? '0') ||
  a.name.localeCompare(b.name);
