import { requireHost } from '../../app/known-hosts.ts';
import type { HostView } from '../../views/report.ts';
import { type Register, withApp } from '../context.ts';
import { option } from '../options.ts';
import { ageOf, ago, countOf, paint, type Screen, severity, stateText, table, unseen } from '../text.ts';

/** Prints the hosts and the age of each host's last full pass. */
export const hosts: Register = (program, context) => {
  program
    .command('hosts')
    .description('list the hosts and when each was last observed')
    .option('--host <host>', 'only this host', option.host)
    .option('--json', 'print JSON')
    .action(({ host, json }: { host?: string; json?: true }) =>
      withApp(context, async (app) => {
        const found = await (await app.report()).hosts(host ?? null);
        if (host !== undefined && found.length === 0) await requireHost(app, host);
        if (json) return context.printJson({ hosts: found });
        if (found.length === 0) {
          return context.print(
            'No host is known yet. A worker registers its host when it starts: `decnet-fleet up`, or `node worker.ts`.',
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
  notesOf(host),
];

/** `8 s ago`, or how stale the host is. */
export function freshness(screen: Screen, { stale, last_full_pass_at: at, interval_s }: HostView): string {
  if (at === null) return paint(screen, 'yellow', 'never');
  if (!stale) return ago(at);
  const ms = Date.now() - Date.parse(at);
  const intervals = Math.floor(ms / (interval_s * 1000));
  return paint(screen, 'yellow', `${ageOf(ms)} ago, ${countOf(intervals, 'interval')}: stale`);
}

/** `2 failed, 40 running`; worst first. */
export function statesText(screen: Screen, { states, stale }: HostView): string {
  const parts = severity.flatMap((state) => {
    const count = states[state] ?? 0;
    return count === 0 ? [] : [`${count} ${stateText(screen, state, stale)}`];
  });
  return parts.length === 0 ? 'none' : parts.join(', ') + (stale ? ' (last known)' : '');
}

function notesOf({ held, contested, last_error, first_seen_at }: HostView): string {
  return [
    ...(first_seen_at === null ? [unseen] : []),
    ...(contested.length > 0 ? [`${contested.length} contested`] : []),
    ...(held.length > 0 ? [`${held.length} held`] : []),
    ...(last_error === null ? [] : [last_error]),
  ].join('; ');
}
