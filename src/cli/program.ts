import { Command } from 'commander';
import { configFileVariable } from '../app/settings.ts';
import { version } from '../lib/package.ts';
import type { Context, Register } from './context.ts';
import { addExamples } from './examples.ts';
import { refuseRepeats } from './options.ts';

interface CommandEntry {
  readonly description: string;
  /** Loads its arguments, options and action. */
  load(): Promise<Register>;
}

/** The commands, in the order of the help. The help lists them without loading any. */
const commands: Readonly<Record<string, CommandEntry>> = {
  up: {
    description: 'run everything on this machine: database, queues, scheduler, worker, dashboard',
    load: async () => (await import('./commands/up.ts')).up,
  },
  migrate: {
    description: 'bring the database schema up to date',
    load: async () => (await import('./commands/migrate.ts')).migrate,
  },
  reconcile: {
    description: 'reconcile once (--once) or continuously',
    load: async () => (await import('./commands/reconcile.ts')).reconcile,
  },
  plan: {
    description: 'show what a pass would change and why, without writing',
    load: async () => (await import('./commands/plan.ts')).planCommand,
  },
  status: {
    description: 'show the sums of the fleet, then every host and its deckies, broken ones first',
    load: async () => (await import('./commands/status.ts')).status,
  },
  incidents: {
    description: 'list what is wrong now, by cause, and what was in the last day',
    load: async () => (await import('./commands/incidents.ts')).incidents,
  },
  ack: {
    description: 'acknowledge an incident: it is not repeated, and its end is sent',
    load: async () => (await import('./commands/ack.ts')).ack,
  },
  unack: {
    description: 'take the acknowledgement of an incident back',
    load: async () => (await import('./commands/ack.ts')).unack,
  },
  silence: {
    description: 'for a time, record incidents without sending them',
    load: async () => (await import('./commands/silence.ts')).silence,
  },
  silences: {
    description: 'list the silences, the newest first',
    load: async () => (await import('./commands/silences.ts')).silences,
  },
  unsilence: {
    description: 'end a silence',
    load: async () => (await import('./commands/silences.ts')).unsilence,
  },
  hosts: {
    description: 'list the hosts and when each was last observed',
    load: async () => (await import('./commands/hosts.ts')).hosts,
  },
  history: {
    description: 'show what changed, when and why, newest first; with --follow as it happens',
    load: async () => (await import('./commands/history.ts')).history,
  },
  wait: {
    description: 'wait until hosts and deckies are converged, running or fresh',
    load: async () => (await import('./commands/wait.ts')).waitCommand,
  },
  explain: {
    description: 'say what a state, a reason, an exit code or an error code means, and what to do',
    load: async () => (await import('./commands/explain.ts')).explainCommand,
  },
  pause: {
    description: 'make no passes of a host for a while; its worker stays up',
    load: async () => (await import('./commands/pause.ts')).pause,
  },
  resume: {
    description: 'make passes of a paused host again, whoever paused it',
    load: async () => (await import('./commands/pause.ts')).resume,
  },
  stop: {
    description: "ask a host's worker to stop, and wait until it is gone",
    load: async () => (await import('./commands/stop.ts')).stop,
  },
  forget: {
    description: 'retire a host: remove its queue, its rows and its record',
    load: async () => (await import('./commands/forget.ts')).forget,
  },
  grant: {
    description: "print the SQL and the Redis ACL that limit a worker to its own host's data",
    load: async () => (await import('./commands/grant.ts')).grant,
  },
  build: {
    description: 'build deckies from an INI file or from flags; print them, or write a state file',
    load: async () => (await import('./commands/build.ts')).build,
  },
  check: {
    description: 'validate a state file as a pass does, and list every error',
    load: async () => (await import('./commands/check.ts')).check,
  },
  config: {
    description: 'show each setting, and where its value comes from; passwords are hidden',
    load: async () => (await import('./commands/config.ts')).configCommand,
  },
  worker: {
    description: 'run the worker of this host (DECNET_HOST_UUID) until it is stopped',
    load: async () => (await import('./commands/roles.ts')).worker,
  },
  scheduler: {
    description: 'enqueue a pass for every known host at each interval until it is stopped',
    load: async () => (await import('./commands/roles.ts')).scheduler,
  },
  dashboard: {
    description: 'serve the dashboard: fleet, queues and metrics',
    load: async () => (await import('./commands/dashboard.ts')).dashboard,
  },
  'hash-password': {
    description: 'print the hash of a password, for DASHBOARD_USERS_FILE',
    load: async () => (await import('./commands/hash-password.ts')).hashPasswordCommand,
  },
  doctor: {
    description: 'check every part of the installation and suggest a fix for each fault',
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  notify: {
    description: 'send a test message to each receiver of notifications, and say what came back',
    load: async () => (await import('./commands/notify.ts')).notify,
  },
  dump: {
    description: 'print all rows and their history, for `restore`',
    load: async () => (await import('./commands/dump.ts')).dumpCommand,
  },
  restore: {
    description: 'restore a dump into a database that has no fleet',
    load: async () => (await import('./commands/restore.ts')).restoreCommand,
  },
  completion: {
    description: 'print a script that completes commands and options in a shell',
    load: async () => (await import('./commands/completion.ts')).completion,
  },
};

/** The names of the commands that are loaded to run a command line. `completion` describes all of them. */
export const neededCommands = (argv: readonly string[]): readonly string[] =>
  argv.includes('completion') ? Object.keys(commands) : argv.filter((word) => Object.hasOwn(commands, word));

/**
 * The command line, before it is parsed.
 * @param needed the names of the commands to load; of the others only the name and the description are known
 */
export async function createProgram(
  context: Context,
  needed: readonly string[] = Object.keys(commands),
): Promise<Command> {
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
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .addHelpText('after', examples)
    .configureOutput({ writeOut: context.write, writeErr: context.writeError })
    .showHelpAfterError('See `decnet-fleet <command> --help`.')
    .exitOverride();
  refuseRepeats(program);
  for (const [name, { description, load }] of Object.entries(commands)) {
    const command = program.command(name).description(description).exitOverride();
    if (needed.includes(name)) (await load())(command, context);
    refuseRepeats(command);
    addExamples(command);
  }
  return program;
}

const examples = `
Examples:
  $ decnet-fleet up                         run everything on this machine
  $ decnet-fleet plan                       show what a pass would change, and why
  $ decnet-fleet reconcile --once           run one pass now
  $ decnet-fleet status --broken            show what does not work, and why
  $ decnet-fleet explain 137                say what a state, a reason or a code means
  $ decnet-fleet doctor                     check every part of the installation`;
