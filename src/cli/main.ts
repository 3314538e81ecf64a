import { Command, CommanderError } from 'commander';
import { configFileVariable } from '../app/settings.ts';
import type { Environment } from '../lib/environment.ts';
import { version } from '../lib/package.ts';
import { ack, unack } from './commands/ack.ts';
import { build } from './commands/build.ts';
import { check } from './commands/check.ts';
import { completion } from './commands/completion.ts';
import { configCommand } from './commands/config.ts';
import { dashboard } from './commands/dashboard.ts';
import { doctor } from './commands/doctor.ts';
import { dumpCommand } from './commands/dump.ts';
import { explainCommand } from './commands/explain.ts';
import { forget } from './commands/forget.ts';
import { grant } from './commands/grant.ts';
import { hashPasswordCommand } from './commands/hash-password.ts';
import { history } from './commands/history.ts';
import { hosts } from './commands/hosts.ts';
import { incidents } from './commands/incidents.ts';
import { migrate } from './commands/migrate.ts';
import { notify } from './commands/notify.ts';
import { pause, resume } from './commands/pause.ts';
import { planCommand } from './commands/plan.ts';
import { reconcile } from './commands/reconcile.ts';
import { restoreCommand } from './commands/restore.ts';
import { scheduler, worker } from './commands/roles.ts';
import { silence } from './commands/silence.ts';
import { silences, unsilence } from './commands/silences.ts';
import { status } from './commands/status.ts';
import { stop } from './commands/stop.ts';
import { up } from './commands/up.ts';
import { waitCommand } from './commands/wait.ts';
import { type Context, createContext, outliveReaders, type Register } from './context.ts';
import { addExamples } from './examples.ts';
import { exitCodeOf, tell } from './failure.ts';
import { refuseRepeats } from './options.ts';

const commands: readonly Register[] = [
  up,
  migrate,
  reconcile,
  planCommand,
  status,
  incidents,
  ack,
  unack,
  silence,
  silences,
  unsilence,
  hosts,
  history,
  waitCommand,
  explainCommand,
  pause,
  resume,
  stop,
  forget,
  grant,
  build,
  check,
  configCommand,
  worker,
  scheduler,
  dashboard,
  hashPasswordCommand,
  doctor,
  notify,
  dumpCommand,
  restoreCommand,
  completion,
];

/** Runs one command. @returns its exit code. @see CONTRACT.md, Exit codes */
export async function main(argv: readonly string[], env: Environment): Promise<number> {
  outliveReaders();
  return runCommand(argv, createContext(env));
}

/** @see main */
export async function runCommand(argv: readonly string[], context: Context): Promise<number> {
  const code = await codeOfCommand(argv, context);
  // Incomplete output is a failure, even if the command succeeded.
  return (await context.printed()) ? code : 1;
}

/** The command line, before it is parsed. */
export function createProgram(context: Context): Command {
  const program = new Command('decnet-fleet')
    .description('Keeps the fleet table of a DECNET deception network in sync with what is actually running.')
    .version(version, '-V, --version')
    .option(
      '--config <file>',
      'the configuration file (default: DECNET_FLEET_CONFIG, else /etc/fleet/fleet.yaml)',
    )
    .on('option:config', (file: string) => {
      context.env = { ...context.env, [configFileVariable]: file };
    })
    .addHelpText('after', examples)
    .configureOutput({ writeOut: context.write, writeErr: context.writeError })
    .showHelpAfterError('See `decnet-fleet <command> --help`.')
    .exitOverride();
  refuseRepeats(program);
  for (const register of commands) register(program, context);
  for (const command of program.commands) {
    command.exitOverride();
    refuseRepeats(command);
    addExamples(command);
  }
  return program;
}

async function codeOfCommand(argv: readonly string[], context: Context): Promise<number> {
  const program = createProgram(context);
  let isPlan = false;
  program.hook('preSubcommand', (_program, command) => {
    isPlan = command.name() === 'plan';
  });
  try {
    if (argv.length === 0) {
      program.outputHelp();
      return 0;
    }
    await program.parseAsync([...argv], { from: 'user' });
    return context.exitCode;
  } catch (error) {
    // For `plan`, exit code 2 means that there are changes.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : isPlan ? 1 : 2;
    tell(context, error);
    return isPlan ? 1 : exitCodeOf(error);
  }
}

const examples = `
Examples:
  $ decnet-fleet up                         run everything on this machine
  $ decnet-fleet plan                       show what a pass would change, and why
  $ decnet-fleet reconcile --once           run one pass now
  $ decnet-fleet status --broken            show what does not work, and why
  $ decnet-fleet explain 137                say what a state, a reason or a code means
  $ decnet-fleet doctor                     check every part of the installation`;
