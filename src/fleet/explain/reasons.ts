import type { Explanation } from './explanation.ts';

/** A phrase of the reasons of rows, transitions and held rows. */
export interface ReasonKind extends Explanation {
  /** What a reader types to find it. */
  readonly name: string;
  readonly phrase: RegExp;
  /** What is added to the phrase wherever a reason is shown to people. Absent: the phrase speaks for itself. */
  readonly short?: string;
}

/** A fault of one container: at the begin of the reason, or after the name of the service. */
const fault = (words: string): RegExp => new RegExp(`(?:^|[:;] )${words}(?=[,; ]|$)`);

const readLog = 'Read its log: docker logs DECKY-SERVICE.';

const ofContainers: readonly ReasonKind[] = [
  {
    name: 'no container',
    phrase: fault('no container'),
    meaning: 'The file declares the service and Docker has no container for it.',
    advice: 'Deploy the decky again with DECNET.',
  },
  {
    name: 'exited',
    phrase: fault('exited'),
    meaning: 'The container has ended. The code says how: `decnet-fleet explain CODE`.',
    advice: `${readLog} Start it again: docker start CONTAINER.`,
  },
  {
    name: 'dead',
    phrase: fault('dead'),
    meaning: 'Docker could not remove the container completely.',
    advice: 'Remove it (docker rm -f CONTAINER), and deploy the decky again.',
  },
  {
    name: 'created',
    phrase: fault('created'),
    meaning: 'The container was created and never started.',
    advice: 'Start it: docker start CONTAINER. The error of the start says why it did not.',
  },
  {
    name: 'paused',
    phrase: fault('paused'),
    meaning: 'Somebody paused the container.',
    advice: 'Continue it: docker unpause CONTAINER.',
  },
  {
    name: 'restarting',
    phrase: fault('restarting'),
    meaning: 'Docker is starting the container again after it ended.',
    advice: `If it does not end: ${readLog}`,
  },
  {
    name: 'removing',
    phrase: fault('removing'),
    meaning: 'Docker is removing the container.',
    advice: 'Wait, or deploy the decky again.',
  },
  {
    name: 'restart loop',
    phrase: fault('restart loop'),
    meaning: 'The container ends again and again shortly after its start.',
    advice: readLog,
  },
  {
    name: 'unhealthy',
    phrase: fault('unhealthy'),
    meaning: 'The container runs and the health check of its image fails.',
    advice: 'See what the check says: docker inspect -f "{{json .State.Health}}" CONTAINER.',
  },
  {
    name: 'cut off from its network',
    phrase: /\bcut off from its network\b/,
    short: 'its base was restarted or replaced: restart the service containers, or deploy again',
    meaning:
      'The container runs in a network that its base has left, because the base was restarted or replaced. Nobody reaches it.',
    advice: 'Restart the service containers of the decky (docker restart CONTAINER), or deploy it again.',
  },
  {
    name: 'nothing listens',
    phrase: /\bnothing listens on\b/,
    meaning: 'The container runs and nothing listens on the ports of its service, at two checks 10 s apart.',
    advice: `${readLog} DECNET_CHECK_PORTS turns the check on and off.`,
  },
  {
    name: 'Docker started it before its base',
    phrase: /\bDocker started it before its base\b/,
    meaning:
      'After a restart of the engine Docker started the service first, which needs its base, and does not try again.',
    advice: 'Run the command in the reason: docker start CONTAINER.',
  },
  {
    name: 'stopped on request',
    phrase: /\bstopped on request\b/,
    meaning: 'Somebody stopped or removed the container, or asked the worker of the host to stop.',
    advice: 'Start it again if that was not intended: docker start CONTAINER.',
  },
  {
    name: 'ran out of memory',
    phrase: /\bran out of memory\b/,
    meaning: 'The kernel ended the container because it reached its limit of memory.',
    advice: 'Raise its limit, or find out what uses the memory.',
  },
  {
    name: 'Docker was stopped or restarted',
    phrase: /\bDocker was stopped or restarted\b/,
    meaning:
      'The container ended with Docker, and Docker did not start it again: its restart policy does not say so.',
    advice: 'Start it: docker start CONTAINER. A restart policy such as unless-stopped does that by itself.',
  },
  {
    name: 'all its containers run',
    phrase: /^all its containers run$/,
    meaning: 'The decky works again.',
    advice: 'Nothing to do.',
  },
];

const ofDeployments: readonly ReasonKind[] = [
  {
    name: 'deploying',
    phrase: /^deploying(?=;|$)/,
    short: 'DECNET is creating its containers',
    meaning: 'DECNET is creating the containers of the decky. What is missing is no fault yet.',
    advice: 'Wait for it: decnet-fleet wait --for=converged.',
  },
  {
    name: 'its deployment failed',
    phrase: /\bits deployment failed\b/,
    short: 'DECNET reported this; deploy it again',
    meaning: 'DECNET reported that the deployment of the decky failed.',
    advice: "Read DECNET's log, and deploy it again.",
  },
  {
    name: 'its deployment did not finish',
    phrase: /\bits deployment did not finish\b/,
    short: 'it did not run within DECNET_ROLLOUT',
    meaning: 'The decky did not run within DECNET_ROLLOUT after it was deployed.',
    advice: "Read DECNET's log, and deploy it again. If deployments take longer here, raise DECNET_ROLLOUT.",
  },
  {
    name: 'rotated',
    phrase: /^rotated: /,
    meaning: 'DECNET gave the decky other services. The file is not changed by that.',
    advice: 'Nothing to do.',
  },
];

const ofTheFile: readonly ReasonKind[] = [
  {
    name: 'new in the file',
    phrase: /^new in the file(?=;|$)/,
    meaning: 'The state file declares the decky, and it had no row.',
    advice: 'Nothing to do.',
  },
  {
    name: 'Docker does not answer',
    phrase: /\bDocker does not answer\b/,
    meaning:
      'Docker did not answer in that pass. States stay as they were last known, and nothing is deleted.',
    advice: 'Start Docker on that host, or correct DOCKER_HOST. `decnet-fleet doctor` there says more.',
  },
  {
    name: 'changed in the file',
    phrase: /(?:^|; )file: .{0,500} changed$/,
    meaning: 'The file has other values for these fields of the decky, and the row took them.',
    advice: 'Nothing to do.',
  },
  {
    name: 'not in the file any more',
    phrase: /^not in the file any more$/,
    meaning: 'The file no longer declares the decky, so its row was deleted.',
    advice: 'Nothing to do. If its containers still run, `decnet-fleet status` lists them as undeclared.',
  },
  {
    name: 'not in the file',
    phrase: /(?:^|; )not in the file: /,
    meaning: 'The decky has containers of services that the file does not declare for it. They do not count.',
    advice: 'Remove those containers, or declare the services in the file.',
  },
  {
    name: 'the file is absent',
    phrase: /^the file is absent\b/,
    meaning: 'The state file does not exist, as after a teardown of the fleet.',
    advice: 'If the fleet was not torn down, check DECNET_STATE_FILE.',
  },
  {
    name: 'the file declares no decky of this host',
    phrase: /^the file declares no decky of this host\b/,
    meaning: 'The state file is valid and has no decky of this host.',
    advice: 'Check DECNET_HOST_UUID, and host_uuid in the file.',
  },
  {
    name: 'its containers still run',
    phrase: /\bits containers still run$/,
    meaning: 'The row would be deleted and is held, because an attacker can still reach the decky.',
    advice: 'Restore the file, or remove the containers.',
  },
];

const ofOtherWriters: readonly ReasonKind[] = [
  {
    name: 'written by another process',
    phrase: /^written by another process\b/,
    meaning: 'Another program wrote the row less than DECNET_GRACE ago, so the row is left to it.',
    advice: 'Nothing to do. After the grace, passes manage the row again.',
  },
  {
    name: 'another writer',
    phrase: /^another writer (?:removed it|set it to \w{1,64}) again\b/,
    meaning: 'The row is contested: another program keeps changing it back.',
    advice: 'Find that program, and let only one of the two write the row.',
  },
  {
    name: 'by another program',
    phrase: /^by another program$/,
    meaning: 'Another program changed the row and gave no reason.',
    advice: 'Nothing to do.',
  },
];

/** Every kind of reason. */
export const reasonKinds: readonly ReasonKind[] = [
  ...ofContainers,
  ...ofDeployments,
  ...ofTheFile,
  ...ofOtherWriters,
];
