import { requireHost } from '../../app/known-hosts.ts';
import { pausedWords } from '../../fleet/pause.ts';
import type { HostView } from '../../views/report.ts';
import { type Register, withApp } from '../context.ts';
import { freshness, statesText } from '../host-words.ts';
import { option } from '../options.ts';
import { ago, paint, type Screen, stoppedBy, table, undeclaredCounts, unseen } from '../text.ts';
import { decnetTableText } from './decnet-table.ts';
import { deployingText } from './undeclared.ts';

/** Prints the hosts and the age of each host's last full pass. */
export const hosts: Register = (command, context) => {
  command
    .option('--host <host>', 'only this host', option.host)
    .option('--json', 'print JSON')
    .action(({ host, json }: { host?: string; json?: true }) =>
      withApp(context, async (app) => {
        const found = await (await app.report()).hosts(host ?? null);
        if (host !== undefined && found.length === 0) await requireHost(app, host);
        if (json) return context.printJson({ hosts: found });
        if (found.length === 0) {
          return context.print(
            'No host is known yet. A worker registers its host when it starts: `decnet-fleet up`, or `decnet-fleet worker`.',
          );
        }
        context.print(table(context.screen, [heading, ...found.map((one) => line(context.screen, one))]));
      }),
    );
};

const heading = ['HOST', 'PASS', 'DOCKER', 'EVERY', 'DECKIES', 'NOTE'];

const line = (screen: Screen, host: HostView): readonly string[] => [
  host.host_uuid,
  freshness(screen, host),
  host.docker === 'unreachable'
    ? paint(screen, 'red', `unreachable, last answer ${ago(host.last_observed_at)}`)
    : host.docker,
  `${host.interval_s} s`,
  statesText(screen, host),
  remarksOf(host),
];

function remarksOf(host: HostView): string {
  const { held, contested, last_error, first_seen_at, stopped, paused, undeclared } = host;
  return [
    ...(first_seen_at === null ? [unseen] : []),
    ...(stopped === null ? [] : [`${stoppedBy(stopped.by)} ${ago(stopped.at)}`]),
    ...(paused === null ? [] : [pausedWords(paused)]),
    ...deployingText(host),
    ...(contested.length > 0 ? [`${contested.length} contested`] : []),
    ...(held.length > 0 ? [`${held.length} held`] : []),
    ...undeclaredCounts(undeclared),
    ...decnetTableText(host),
    ...(last_error === null ? [] : [last_error]),
  ].join('; ');
}
