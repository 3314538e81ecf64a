import type { Explanation } from './explanation.ts';

/** What a host, its passes or its rows can be, beside the states of deckies. */
export const conditionExplanations = {
  stale: {
    meaning:
      'The last full pass of the host is older than three intervals. The states of its deckies are last known.',
    advice: 'Check the worker on that host (`decnet-fleet doctor` there), and the scheduler.',
  },
  unreachable: {
    meaning:
      'Docker of the host did not answer in the last full pass. The states of its deckies are last known.',
    advice: 'Start Docker on that host, or correct DOCKER_HOST. `decnet-fleet doctor` there says more.',
  },
  stopped: {
    meaning:
      'The worker of the host was asked to stop, and has not started since. Nothing monitors the host.',
    advice: 'Run `decnet-fleet worker` on that host, or restart `decnet-fleet up`.',
  },
  'paused host': {
    meaning:
      'Somebody paused the passes of the host, as its reason says. Its worker is up, jobs wait, and no row changes.',
    advice: 'When it may go on: decnet-fleet resume HOST.',
  },
  'never monitored': {
    meaning:
      'The host is known from rows of another program or from DECNET_HOSTS. No worker has ever monitored it.',
    advice: 'Start a worker there: decnet-fleet worker.',
  },
  'last known': {
    meaning: 'The state is that of the last pass, which is too old to rely on.',
    advice: 'See why the host is stale: decnet-fleet hosts.',
  },
  held: {
    meaning: 'A row that a pass would change or delete and keeps on purpose. The reason is beside it.',
    advice: 'Explain that reason: decnet-fleet explain "REASON".',
  },
  contested: {
    meaning: 'A row that another program changed back three times or more within 10 minutes.',
    advice: 'Find that program, and let only one of the two write the row.',
  },
  undeclared: {
    meaning: 'Containers of a decky run, although neither the state file nor the table has it.',
    advice: 'Declare it, or remove the containers with the command that `decnet-fleet status` prints.',
  },
  leftover: {
    meaning: 'An undeclared decky of which nobody reaches a service.',
    advice: 'Remove the containers with the command that `decnet-fleet status` prints.',
  },
  gap: {
    meaning: 'A time in which the host had no full pass. What happened in it is not known.',
    advice: 'Nothing to do, unless it still lasts: decnet-fleet hosts.',
  },
} as const satisfies Readonly<Record<string, Explanation>>;
