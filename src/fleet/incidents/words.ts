import { isLegalHost, isLegalName } from '../decky.ts';
import { dockerCommand } from '../docker-command.ts';
import { exitCodeInShort } from '../explain/exit-codes.ts';
import { type Pause, pauseInWords } from '../pause.ts';
import { type EndedBy, fellWithEngine } from '../plan/cause.ts';
import { stoppedBy } from '../words.ts';
import type { DeckyFacts } from './decky-facts.ts';
import type { NextStep } from './incident.ts';

/** The cause of an incident in one sentence, and what to do next. */
export interface Words {
  readonly cause: string;
  readonly next: NextStep;
}

const onMaster = (command: string): NextStep => ({ host: null, command });
/** Rows may hold any name: one that a shell could misread is not part of a command. */
const onHost = (host: string, command: string): NextStep =>
  isLegalHost(host) ? { host, command } : onMaster('decnet-fleet hosts');
const aboutHost = (command: string, host: string): NextStep =>
  onMaster(isLegalHost(host) ? `decnet-fleet ${command} --host ${host}` : `decnet-fleet ${command}`);

/** The words of each kind. */
export const sentences = {
  database_unreachable: (): Words => ({
    cause: 'The database does not answer',
    next: onMaster('decnet-fleet doctor'),
  }),
  queues_unreachable: (location: string): Words => ({
    cause: `The store of the queues does not answer: ${location}`,
    next: onMaster('decnet-fleet doctor'),
  }),
  scheduler_silent: (_: string): Words => ({
    cause: 'No process serves the schedule; each worker enqueues its own passes',
    next: onMaster('decnet-fleet scheduler'),
  }),
  notifications_undelivered: (_: string): Words => ({
    cause: 'Notifications cannot be delivered to their receiver',
    next: onMaster('decnet-fleet doctor'),
  }),
  queue_paused: (_: string): Words => ({
    cause:
      'Somebody paused the queue: no pass runs until it is resumed with decnet-fleet resume, or on the page /queues',
    next: onMaster('decnet-fleet hosts'),
  }),
  /** Of a pause that is recorded. */
  host_paused: (pause: Pause, host: string): Words => ({
    cause: `Host ${host} is ${pauseInWords(pause)}`,
    next: onMaster(isLegalHost(host) ? `decnet-fleet resume ${host}` : 'decnet-fleet hosts'),
  }),
  host_stale: (host: string): Words => ({
    cause: 'The worker makes no passes',
    next: onHost(host, 'decnet-fleet doctor'),
  }),
  host_stopped: ({ by, at }: { by: string | null; at: number }, host: string): Words => ({
    cause: `The worker was ${stoppedBy(by)} at ${new Date(at).toISOString()}`,
    next: onHost(host, 'decnet-fleet worker'),
  }),
  docker_unreachable: (host: string): Words => ({
    cause: 'Docker does not answer',
    next: onHost(host, 'docker info'),
  }),
  host_flapping: (host: string): Words => ({
    cause: `Host ${host} keeps changing between reachable and not`,
    next: onHost(host, 'decnet-fleet doctor'),
  }),
  pass_failing: (reason: string, host: string): Words => ({
    cause: `Passes cannot use the state file: ${reason}`,
    next: onHost(host, 'decnet-fleet doctor'),
  }),
  host_down: ({ host, cause }: DeckyFacts): Words => ({
    cause: fellWithEngine(cause)
      ? `Docker on host ${host} was stopped or restarted, and most deckies are down since`
      : `Most deckies of host ${host} went down`,
    next: onHost(host, 'docker ps --all'),
  }),
  deployment_failed: ({ host, cause }: DeckyFacts): Words => ({
    cause:
      cause?.deployment?.outcome === 'unfinished'
        ? `The deployment of ${cause.deployment.of} on host ${host} did not finish`
        : `The deployment of ${cause?.deployment?.of ?? 'deckies'} on host ${host} failed`,
    next: aboutHost('plan', host),
  }),
  deckies_down: (decky: DeckyFacts): Words => ({ cause: causeOf(decky), next: nextOf(decky) }),
  decky_flapping: ({ host }: DeckyFacts): Words => ({
    cause: `Deckies of host ${host} keep changing`,
    next: aboutHost('history', host),
  }),
} as const;

const ends: Readonly<Record<EndedBy, string>> = {
  request: 'somebody stopped it',
  memory: 'it ran out of memory',
  engine: 'Docker was stopped or restarted',
};

/** `ssh: exited with code 137 (killed)`, and who ended it. */
function causeOf({ host, cause, reason }: DeckyFacts): string {
  if (fellWithEngine(cause))
    return `Docker on host ${host} was stopped or restarted, and did not start all containers again`;
  if (cause === null) return reason ?? 'The cause is not recorded';
  const { service, state, exitCode, endedBy } = cause;
  const what = exitCode === null ? state : `${state} with code ${exitCode}`;
  const why = endedBy === undefined ? (exitCode === null ? null : exitCodeInShort(exitCode)) : ends[endedBy];
  return `${service ?? (state === 'no container' ? 'containers' : 'base container')}: ${what}${why === null ? '' : ` (${why})`}`;
}

function nextOf({ host, name, cause }: DeckyFacts): NextStep {
  if (fellWithEngine(cause)) return onHost(host, 'docker ps --all');
  if (cause?.state === 'no container' || !isLegalName(name)) return aboutHost('plan', host);
  const container =
    cause === null || cause.service === null ? name : `${name}-${cause.service.replaceAll('_', '-')}`;
  const logs = dockerCommand('logs --tail 10', [container]);
  const restart = dockerCommand('restart', [container]);
  const command = cause?.state.startsWith('cut off') === true ? restart : logs;
  return command === null ? aboutHost('status', host) : onHost(host, command);
}
