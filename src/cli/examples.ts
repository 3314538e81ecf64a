import type { Command } from 'commander';

/** A line of a shell, and what it does. */
type Example = readonly [line: string, does: string];

/** The examples in the help of each command. */
const examples: Readonly<Record<string, readonly Example[]>> = {
  up: [
    ['decnet-fleet up', 'run everything, with a PostgreSQL of its own'],
    ['decnet-fleet up --port 8080', 'the same, with the dashboard on another port'],
    ['DATABASE_URL=postgres://… REDIS_URL=redis://… decnet-fleet up', 'with your own servers'],
  ],
  migrate: [
    ['decnet-fleet migrate', 'bring the database up to date'],
    ['decnet-fleet migrate --check', 'only say which migrations are pending'],
  ],
  reconcile: [
    ['decnet-fleet reconcile --once', 'run one pass on this host'],
    ['decnet-fleet reconcile --once --host web-7', 'run one pass on web-7, by its own worker'],
    ['decnet-fleet reconcile --interval 10', 'run a worker and a scheduler until stopped'],
  ],
  plan: [
    ['decnet-fleet plan', 'what a pass on this host would change, and why'],
    ['decnet-fleet plan --host web-7 --json', 'the same of another host, for a program'],
  ],
  status: [
    ['decnet-fleet status --broken', 'what does not work, and why'],
    ['decnet-fleet status --broken --exit-code', 'the same, for scripts'],
    ['decnet-fleet status --host host-7 --state failed,degraded', 'some deckies of one host'],
    ['decnet-fleet status --filter "state:failed host:nyc-* since:1h"', 'a filter, as on the pages'],
    ['decnet-fleet status --service ssh --sort since -o wide', 'one line a decky, newest change first'],
    ['decnet-fleet status --watch 5', 'show it again every 5 s'],
    ['decnet-fleet status -o csv > fleet.csv', 'for a spreadsheet'],
  ],
  hosts: [
    ['decnet-fleet hosts', 'when each host was last observed'],
    ['decnet-fleet hosts --json | jq ".hosts[] | select(.stale).host_uuid"', 'the names of the stale ones'],
  ],
  incidents: [
    ['decnet-fleet incidents --open', 'what is wrong now, and what to do'],
    ['decnet-fleet incidents --since 7d', 'also what ended within a week'],
    ['decnet-fleet incidents --json | jq ".incidents[].cause"', 'the causes, for a program'],
  ],
  ack: [
    ['decnet-fleet ack host_stale-0f3a9c1e77b2d405 --why "new disk is on its way"', 'you take care of it'],
  ],
  unack: [['decnet-fleet unack host_stale-0f3a9c1e77b2d405', 'somebody else has to take care of it']],
  silence: [
    ['decnet-fleet silence --host web-7 --for 2h --why "kernel update"', 'one host, for two hours'],
    ['decnet-fleet silence --decky web-7/mail-01 --for 30m --why "wrong image"', 'one decky'],
    ['decnet-fleet silence --cause decky_flapping --for 7d --why "known bug"', 'one kind of incident'],
    [
      'decnet-fleet silence --all --for 90d --every "mon-fri 22:00-06:00" --why "nobody is on duty"',
      'in each night of a working day',
    ],
  ],
  silences: [
    ['decnet-fleet silences', 'what is silenced, until when, by whom and why'],
    ['decnet-fleet silences --all --json', 'also what was, for a program'],
  ],
  unsilence: [['decnet-fleet unsilence 3', 'end silence 3 now']],
  history: [
    ['decnet-fleet history --since 12h', 'the last night'],
    ['decnet-fleet history --host host-7 --decky web-02', 'one decky'],
    ['decnet-fleet history --filter "-state:running service:ssh"', 'a filter, as on the pages'],
    ['decnet-fleet history --follow', 'what happens now'],
    ['decnet-fleet history --follow --json | jq .reason', 'the same for a program'],
  ],
  wait: [
    ['decnet-fleet wait --for=converged --timeout 900', 'until a deployment is over'],
    ['decnet-fleet wait --for=running web-02 mail-01', 'until these deckies run'],
    ['decnet-fleet wait --for=fresh --host host-7', 'until host-7 is monitored'],
  ],
  explain: [
    ['decnet-fleet explain torn_down', 'a state'],
    ['decnet-fleet explain 137', 'an exit code of a container'],
    ['decnet-fleet explain SCHEMA_MISSING', 'the code of an error'],
    ['decnet-fleet explain "ssh: cut off from its network"', 'a reason'],
    ['decnet-fleet explain', 'list everything that is explained'],
  ],
  pause: [
    ['decnet-fleet pause host-7 --for 2h --why "new kernel"', 'no passes of host-7 for two hours'],
    ['decnet-fleet pause host-7 --why "moved to another rack"', 'until somebody resumes it'],
    ['decnet-fleet pause host-7 --until 2099-01-31T12:00Z --why drill --who ops', 'until that time, as ops'],
  ],
  resume: [['decnet-fleet resume host-7', 'make passes of host-7 again']],
  stop: [['decnet-fleet stop --host host-7', 'end the worker of host-7, and wait until it is gone']],
  forget: [
    ['decnet-fleet forget --host host-7', 'retire host-7, after a question'],
    ['decnet-fleet forget --host host-7 --yes', 'the same, for scripts'],
  ],
  grant: [
    ['decnet-fleet grant --host host-7', 'print the statements for the worker of host-7'],
    ['decnet-fleet grant --host host-7 --revoke', "end that worker's access now"],
    ['decnet-fleet grant --master grafana', 'print the SQL that lets role grafana see all hosts'],
  ],
  build: [
    [
      'decnet-fleet build office.ini --host-ip 192.168.40.2 --out decnet-state.json --strict',
      'write a state file',
    ],
    [
      'decnet-fleet build office.ini --subnet 192.168.40.0/24 --gateway 192.168.40.1 --host-ip 192.168.40.2',
      'print',
    ],
    [
      'decnet-fleet build --count 50 --random-services --seed 7 --subnet 10.0.0.0/24 --gateway 10.0.0.1 --host-ip 10.0.0.2',
      'without a file',
    ],
  ],
  config: [
    ['decnet-fleet config', 'every setting, and where it comes from'],
    ['decnet-fleet config --check /etc/fleet/fleet.yaml', 'whether a configuration file is valid'],
    ['decnet-fleet config --config ./fleet.yaml -o json', 'the same with another file, for a program'],
  ],
  check: [
    ['decnet-fleet check /var/lib/decnet/decnet-state.json', 'list every error of the file'],
    ['decnet-fleet check decnet-state.json --host host-7', 'as the worker of host-7 reads it'],
  ],
  worker: [
    ['DATABASE_URL=postgres://… REDIS_URL=redis://… decnet-fleet worker', 'the worker of this host'],
    ['decnet-fleet worker --drain', 'run what waits on the queue of this host, then exit; for cron'],
  ],
  scheduler: [['decnet-fleet scheduler', 'one is enough; any number may run']],
  dashboard: [
    ['decnet-fleet dashboard', 'the pages at http://127.0.0.1:7070, without a login'],
    ['DASHBOARD_USER=ops DASHBOARD_PASSWORD=… decnet-fleet dashboard --host 0.0.0.0', 'for other machines'],
  ],
  'hash-password': [
    ['decnet-fleet hash-password', 'ask for a password, and print its hash'],
    ['head -n 1 password.txt | decnet-fleet hash-password', 'of the first line of a file'],
  ],
  doctor: [
    ['decnet-fleet doctor', 'check every part'],
    ['decnet-fleet doctor --role worker', 'check what the worker of this host needs'],
    ['decnet-fleet doctor --json', 'the same for a program'],
  ],
  notify: [
    ['decnet-fleet notify test', 'send each receiver a test message'],
    ['decnet-fleet notify test --json', 'the same for a program'],
  ],
  dump: [['decnet-fleet dump > fleet.dump', 'copy the fleet and its history into a file']],
  completion: [
    ['decnet-fleet completion bash > ~/.local/share/bash-completion/completions/decnet-fleet', 'for bash'],
    ['decnet-fleet completion zsh > ~/.zfunc/_decnet-fleet', 'for zsh, with ~/.zfunc in fpath'],
    ['decnet-fleet completion fish > ~/.config/fish/completions/decnet-fleet.fish', 'for fish'],
  ],
  restore: [
    ['decnet-fleet restore fleet.dump', 'restore it into the database of DATABASE_URL'],
    ['ssh old decnet-fleet dump | decnet-fleet restore -', 'from another machine, without a file'],
  ],
};

/** The examples of a command by its name; none: it is unknown. */
export const examplesOf = (command: string): readonly Example[] =>
  Object.hasOwn(examples, command) ? (examples[command] ?? []) : [];

/** Adds its examples to the end of the help of a command. */
export function addExamples(command: Command): void {
  const own = examplesOf(command.name());
  // Longer lines do not push the explanations of the others out of the screen.
  const widest = Math.max(0, ...own.map(([line]) => line.length).filter((length) => length <= 60));
  const lines = own.map(([line, does]) => `  $ ${line.padEnd(widest)}  ${does}`);
  command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}
