import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { App } from '../../app/app.ts';
import { chooseStateFile, noStateFile } from '../../app/config.ts';
import { isObject, type Json, property } from '../../lib/json.ts';
import { exampleStateFile, version } from '../../lib/package.ts';
import { printableDeep } from '../../lib/text.ts';
import type { PassOutcome } from '../../pass/pass.ts';
import { type Context, type Register, untilStopped, withApp } from '../context.ts';
import { addDashboardOptions, type DashboardOptions, dashboardAddress } from '../dashboard-options.ts';
import { passSummary } from '../pass-summary.ts';
import { reportWhenStopped } from '../stopped-worker.ts';
import { paint, stateText, withMeaning } from '../text.ts';

/** Runs all parts on this machine. */
export const up: Register = (command, context) => {
  addDashboardOptions(command)
    .option('--take-over', 'let this machine replace the one that is recorded for this host')
    .addHelpText(
      'after',
      `
Without DATABASE_URL it starts an embedded PostgreSQL. Without REDIS_URL the queues are stored in the database.
It prints what the first pass did, then each change as it happens, until you press Ctrl-C.
A request to stop (DECNET's workers panel, \`decnet-fleet stop\`) ends only the worker; the other parts go on.
Without --port, it uses another free port when the default port is taken.`,
    )
    .action((options: Options, command: Command) =>
      withApp(
        context,
        async (app) => {
          const isAnyPort = command.getOptionValueSource('port') === 'default';
          const stopped = untilStopped(app.log);
          await Promise.race([stopped, start(app, context, { ...options, isAnyPort })]);
          await stopped;
        },
        { isLongLived: true },
      ),
    );
};

interface Options extends DashboardOptions {
  readonly takeOver?: true;
}

interface Choice extends Options {
  /** Whether another port may be used when this one is taken. */
  readonly isAnyPort: boolean;
}

/** Starts all parts. */
async function start(app: App, context: Context, choice: Choice): Promise<void> {
  const { config } = app;
  const embedded = config.databaseUrl === null;
  // Opened first: a wrong Docker setting must fail before anything is started.
  const engine = await app.engine();
  context.print(`decnet-fleet ${version}, host ${config.host}`);
  context.progress(embedded ? 'starting the embedded PostgreSQL …' : 'bringing the database up to date …');
  const database = await app.database();
  await database.migrate();
  const backend = await app.queues();
  await backend.prepare();
  const stateFile = await stateFileFor(app, context);
  context.progress(null);
  context.print(`  state file  ${stateFile}`);
  context.print(`  Docker      ${engine.location}`);
  context.print(`  database    ${embedded ? `embedded PostgreSQL in ${config.dataDir}` : 'DATABASE_URL'}`);
  context.print(`  queues      ${backend.kind === 'redis' ? 'REDIS_URL' : 'in the database'}`);

  // Before the first pass: an error about its address or login must come first.
  context.print(`  dashboard   ${await openDashboard(app, choice)}`);
  if (choice.takeOver) await app.takeOver();
  const { onPass, onFailure } = firstPass(context, config.intervalSeconds);
  const worker = await app.hostWorker({ follows: true, stateFile, onPass, onFailure });
  await app.scheduler();
  reportWhenStopped(context, worker, 'The scheduler, the dashboard and notifications');
}

/** Uses its port, or any free one when that is allowed: another `up` may be running here. @returns its address */
async function openDashboard(app: App, { host, port, isAnyPort }: Choice): Promise<string> {
  try {
    return dashboardAddress(await app.dashboard({ host, port }));
  } catch (error) {
    if (!isAnyPort) throw error;
    return `${dashboardAddress(await app.dashboard({ host, port: 0 }))} (port ${port} is taken)`;
  }
}

/** Prints the counts of the first pass, then a line for each change. */
function firstPass(context: Context, intervalSeconds: number) {
  let first = true;
  const follow = (): void => {
    first = false;
    context.print(`Reconciling every ${intervalSeconds} s. Press Ctrl-C to stop.`);
  };
  return {
    onPass: (_data: unknown, outcome: PassOutcome): void => {
      if (first && outcome.failure === null) {
        context.print(`first pass: ${passSummary(outcome.result)}`);
      }
      const { screen } = context;
      for (const { name, from, to, reason } of printableDeep(outcome.transitions)) {
        const time = new Date().toISOString().slice(11, 19);
        const word = to === null ? 'deleted' : from === to ? 'content' : stateText(screen, to);
        const was = from === null || from === to ? '' : ` (was ${from})`;
        context.print(`${paint(screen, 'gray', time)}  ${name}  ${word}${was}  ${withMeaning(reason)}`);
      }
      if (first && outcome.failure === null) follow();
    },
    onFailure: (reason: string): void => {
      if (!first) return;
      context.print(`first pass failed: ${reason}`);
      follow();
    },
  };
}

/**
 * The path of the state file. On a machine without DECNET whose embedded database has no other fleet, the shipped example.
 * @throws FleetError CONFIG_INVALID
 */
async function stateFileFor(app: App, context: Context): Promise<string> {
  const chosen = chooseStateFile(app.config);
  if (chosen !== null) return chosen;
  if (app.config.databaseUrl !== null) throw noStateFile();
  const others = await (await app.report()).countRows(app.config.host, await exampleDeckies());
  // The example would delete them.
  if (others > 0)
    throw noStateFile(`, and the example fleet is not used: host ${app.config.host} has deckies recorded`);
  context.progress(null);
  context.print(
    '  DECNET is not installed here and no fleet is recorded, so the example fleet that ships with',
  );
  context.print('  decnet-fleet is used. Set DECNET_STATE_FILE to use a real one.');
  return exampleStateFile;
}

async function exampleDeckies(): Promise<readonly Json[]> {
  const document = JSON.parse(await readFile(exampleStateFile, 'utf8')) as Json;
  const config = isObject(document) ? property(document, 'config') : null;
  const deckies = isObject(config) ? property(config, 'deckies') : [];
  return Array.isArray(deckies) ? deckies : [];
}
