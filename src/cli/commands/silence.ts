import type { App } from '../../app/app.ts';
import { requireDecky, requireHost } from '../../app/known-hosts.ts';
import { type IncidentKind, incidentKinds } from '../../fleet/incidents/incident.ts';
import { type Scope, scopeText } from '../../fleet/silences/silence.ts';
import { windowText } from '../../fleet/silences/window.ts';
import { silenceText } from '../../fleet/silences/words.ts';
import { givenWho, givenWhy } from '../../fleet/who-why.ts';
import { FleetError } from '../../lib/errors.ts';
import { audited, whoRuns } from '../audited.ts';
import { type Context, type Register, withApp } from '../context.ts';
import { ChoiceOption, option, recurring } from '../options.ts';

interface Options {
  readonly host?: string;
  readonly decky?: string;
  readonly cause?: IncidentKind;
  readonly all?: true;
  readonly for?: number;
  readonly until?: string;
  readonly every?: string;
  readonly why: string;
  readonly who?: string;
}

/** Keeps incidents from being sent for a time. */
export const silence: Register = (command, context) => {
  command
    .option('--host <host>', 'incidents of this host', option.host)
    .option('--decky <host/name>', 'incidents of this decky')
    .addOption(new ChoiceOption('--cause <kind>', 'incidents of this kind, on any host', incidentKinds))
    .option('--all', 'all incidents')
    .option('--for <time>', 'how long: 30m, 2h, 7d', option.duration)
    .option('--until <time>', 'until when: 2026-01-31T12:00Z', option.laterTime)
    .option('--every <window>', "only within these times in UTC: 'mon-fri 22:00-06:00'", (text) =>
      windowText(recurring(text)),
    )
    .requiredOption('--why <text>', 'the reason', givenWhy)
    .option('--who <name>', 'who does it (default: the user of the operating system)', givenWho)
    .action((options: Options) => run(options, context));
};

function run(options: Options, context: Context): Promise<void> {
  const scope = scopeOf(options);
  const until = untilOf(options);
  const { every = null, why, who } = options;
  return withApp(context, async (app) => {
    const act = {
      act: 'silence' as const,
      target: scopeText(scope),
      details: `${'at' in until ? `until ${until.at}` : `${until.seconds} s`}: ${why}`,
      who,
      ...('host' in scope && { host: scope.host }),
    };
    const added = await audited(app, context, act, async () => {
      await requireScope(app, scope);
      return (await app.silences()).add({ scope, until, every, why, by: whoRuns(who) });
    });
    context.print(`Silence ${added.id}: ${silenceText(added)}`);
    if (added.active_until === null) context.print('It is not active now.');
    context.print(
      `Meanwhile, incidents are recorded and not sent. To end it now: decnet-fleet unsilence ${added.id}`,
    );
  });
}

function scopeOf({ host, decky, cause, all }: Options): Scope {
  const scopes: readonly Scope[] = [
    ...(host === undefined ? [] : [{ kind: 'host' as const, host }]),
    ...(decky === undefined ? [] : [deckyScope(decky)]),
    ...(cause === undefined ? [] : [{ kind: 'cause' as const, cause }]),
    ...(all === undefined ? [] : [{ kind: 'everything' as const }]),
  ];
  const [scope] = scopes;
  if (scope === undefined || scopes.length > 1)
    throw new FleetError('CONFIG_INVALID', 'silence takes one of --host, --decky, --cause and --all', {
      advice: 'See `decnet-fleet silence --help`',
    });
  return scope;
}

function deckyScope(text: string): Scope {
  const [, host = '', name = ''] = /^([^/]+)\/(.+)$/s.exec(text) ?? [];
  if (name === '')
    throw new FleetError('CONFIG_INVALID', `--decky "${text}" is not valid`, {
      advice: 'Allowed: the host and the name, web-1/mail-01',
    });
  return { kind: 'decky', host: option.host(host), name };
}

function untilOf({ for: seconds, until }: Options) {
  if ((seconds === undefined) === (until === undefined))
    throw new FleetError('CONFIG_INVALID', 'silence takes one of --for and --until', {
      advice: 'A silence always ends: --for 2h, or --until 2026-01-31T12:00Z',
    });
  return seconds === undefined ? { at: until ?? '' } : { seconds };
}

/** @throws FleetError NOT_FOUND for a host or a decky that is unknown: it may be mistyped */
async function requireScope(app: App, scope: Scope): Promise<void> {
  if (scope.kind === 'host') await requireHost(app, scope.host);
  if (scope.kind === 'decky') await requireDecky(app, scope.host, scope.name);
}
