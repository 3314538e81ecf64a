import { requestOnePass } from '../../app/one-pass.ts';
import type { JobResult, ReportedChange } from '../../fleet/job.ts';
import { isFleetState } from '../../fleet/state.ts';
import { hostOf, type Register, withApp } from '../context.ts';
import { option } from '../options.ts';
import { countOf, paint, type Screen, stateText, table, withMeaning } from '../text.ts';

/** Prints what a pass would change and why, without writing. Exit 0: no changes, 2: changes, 1: any error. */
export const planCommand: Register = (command, context) => {
  command
    .option('--host <host>', 'another host, whose own worker makes the plan', option.host)
    .option('--json', 'print {host_uuid, docker, changes, held}')
    .option('--timeout <seconds>', 'how long to wait for a result', option.seconds, 30)
    .addHelpText('after', '\nExit code: 0 no changes, 2 there are changes, 1 any error.')
    .action((options: { host?: string; json?: true; timeout: number }) =>
      withApp(context, async (app) => {
        const host = hostOf(app.config, options.host);
        const data = { host_uuid: host, dry_run: true, cause: 'manual' as const };
        const result = await requestOnePass(app, data, options.timeout, context.progress);
        const changes = result.changes ?? [];
        if (options.json) {
          const { host_uuid, docker, held_rows: held = [] } = result;
          context.printJson({ host_uuid, docker, changes, held });
        } else context.print(planText(context.screen, result));
        context.exitCode = changes.length > 0 ? 2 : 0;
      }),
    );
};

const signs = { insert: '+', delete: '-', state: '~', config: '~', reason: '~' } as const;
const colours = {
  insert: 'green',
  delete: 'red',
  state: 'yellow',
  config: 'yellow',
  reason: 'yellow',
} as const;

/** The plan in the style of an infrastructure diff. @see UI.md, "The terminal" */
function planText(
  screen: Screen,
  { host_uuid, docker, changes = [], held_rows: held = [] }: JobResult,
): string {
  const dot = screen.unicode ? '·' : '-';
  const rows = [
    ...changes.map((change) => [
      paint(screen, colours[change.action], `${signs[change.action]} ${change.name}`),
      whatHappens(screen, change),
      withMeaning(change.reason),
    ]),
    ...held.map(({ name, reason }) => [paint(screen, 'cyan', `= ${name}`), 'held', reason]),
  ];
  const count = (...actions: readonly ReportedChange['action'][]): number =>
    changes.filter(({ action }) => actions.includes(action)).length;
  const sum = [
    [count('insert'), 'to insert'],
    [count('state', 'config', 'reason'), 'to change'],
    [count('delete'), 'to delete'],
    [held.length, 'held'],
  ].flatMap(([n, what]) => (n === 0 ? [] : [`${n} ${what}`]));
  const nothing = `No changes${docker === 'ok' ? '' : ' (Docker is unreachable, so container states were not checked)'}.`;
  return [
    `host ${host_uuid} ${dot} Docker ${docker}`,
    ...(rows.length > 0 ? [table(screen, rows, '  ')] : []),
    changes.length > 0
      ? `${sum.join(', ')}. Run \`decnet-fleet reconcile --once\` to apply.`
      : held.length > 0
        ? `No changes; ${countOf(held.length, 'row')} held.`
        : nothing,
  ].join('\n');
}

function whatHappens(screen: Screen, { action, from_state: from, to_state: to }: ReportedChange): string {
  const arrow = screen.unicode ? '→' : '->';
  const state = (word: string | null): string =>
    word !== null && isFleetState(word) ? stateText({ ...screen, glyphs: false }, word) : '';
  switch (action) {
    case 'insert':
      return `insert as ${state(to)}`;
    case 'delete':
      return 'delete';
    case 'state':
      return `${state(from)} ${arrow} ${state(to)}`;
    case 'config':
      return 'content';
    case 'reason':
      return `${state(to)}, new reason`;
  }
}
