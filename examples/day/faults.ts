/** The third part of the day: what goes wrong by itself, and the STOP at its end. */
import { degraded, failed, running, type Step, tornDown, unsettled } from './day.ts';
import { containerName, topologyContainers } from './decnet.ts';

export const faults: readonly Step[] = [
  {
    name: 'docker restart of a base',
    what: 'Someone restarts the base of web-13. Docker gives it a new network; its services stay in the dead one.',
    look: 'web-13 is failed, though all its containers run: cut off from its network.',
    before: 'running',
    messages: ['decky_down web-13'],
    settles: true,
    play: async ({ engine, becomes }) => {
      await becomes({ 'web-13': failed('cut off') }, () => engine.restart('web-13'), [degraded()]);
    },
  },
  {
    name: 'its services are restarted',
    what: 'Someone restarts the services of web-13. They join the new network.',
    look: 'web-13 runs again, and a message says so.',
    before: 'running',
    messages: ['decky_recovered web-13'],
    play: async ({ engine, becomes }) => {
      await becomes({ 'web-13': running('http', 'ssh') }, async () => {
        await engine.restart('web-13-http');
        await engine.restart('web-13-ssh');
      }, [degraded()]);
    },
  },
  {
    name: 'a base crashes, Docker restarts it',
    what: 'The base of k8s-11 crashes, and Docker restarts it at once, with a new network.',
    look: 'k8s-11 is failed: cut off from its network.',
    before: 'running',
    messages: ['decky_down k8s-11'],
    play: async ({ engine, becomes }) => {
      await becomes({ 'k8s-11': failed('cut off') }, () => engine.crash('k8s-11'), [degraded()]);
    },
  },
  {
    name: 'restart of dockerd',
    what: 'dockerd starts the redis of db-12 before its base. It is left exited with code 128, and Docker does not try again.',
    look: 'db-12 is degraded, with the reason and what to do.',
    before: 'right, with "exited, code 128"',
    messages: ['decky_down db-12'],
    play: async ({ engine, becomes }) => {
      await becomes(
        { 'db-12': degraded('before its base') },
        async () => {
          for (const name of ['db-12-mysql', 'db-12-redis', 'db-12']) await engine.stop(name);
          await engine.start('db-12-redis').catch(() => undefined);
          await engine.start('db-12');
          await engine.start('db-12-mysql');
        },
        unsettled,
      );
    },
  },
  {
    name: 'a topology with the name of a decky',
    what: 'The container of ftp-11 is removed. A MazeNET topology creates one with the same name.',
    look: 'ftp-11 is torn down: the new container belongs to the topology.',
    before: 'running while it is down',
    messages: ['decky_down ftp-11'],
    settles: true,
    play: async ({ engine, becomes }) => {
      await becomes({ 'ftp-11': tornDown('no container') }, () => engine.remove('ftp-11-ftp'), unsettled);
      for (const container of topologyContainers('ftp-11', 'ftp')) {
        await engine.create(container);
        await engine.start(container.name);
      }
    },
  },
  {
    name: 'docker kill',
    what: 'Someone kills the ssh of ssh-11.',
    look: 'ssh-11 is degraded, and a message says so.',
    before: 'degraded: right',
    messages: ['decky_down ssh-11'],
    play: async ({ engine, becomes }) => {
      await becomes({ 'ssh-11': degraded('137') }, () => engine.kill('ssh-11-ssh'));
    },
  },
  {
    name: 'docker stop',
    what: 'Someone stops the redis of cache-11.',
    look: 'cache-11 is degraded, and a message says so.',
    before: 'degraded: right',
    messages: ['decky_down cache-11'],
    play: async ({ engine, becomes }) => {
      await becomes({ 'cache-11': degraded('redis') }, () => engine.stop('cache-11-redis'));
    },
  },
  {
    name: 'out of memory',
    what: 'The kernel kills the docker_api of relay-11, which has taken all its memory.',
    look: 'relay-11 is degraded, and a message says that it ran out of memory.',
    before: 'degraded: right',
    messages: ['decky_down relay-11 (ran out of memory)'],
    play: async ({ engine, becomes }) => {
      await becomes({ 'relay-11': degraded('docker_api') }, () =>
        engine.runOutOfMemory(containerName('relay-11', 'docker_api')),
      );
    },
  },
  {
    name: 'a crash loop',
    what: 'The vnc of vnc-11 ends with code 1 whenever Docker starts it.',
    look: 'vnc-11 is degraded, in a restart loop, and a message says so.',
    before: 'degraded: right',
    messages: ['decky_down vnc-11'],
    settles: true,
    play: async ({ engine, becomes }) => {
      await becomes(
        { 'vnc-11': degraded('restart loop') },
        () => engine.crashForEver('vnc-11-vnc'),
        unsettled,
      );
    },
  },
  {
    name: 'the time of a deployment is over',
    what: 'The deployment of new-11 has had its time.',
    look: 'new-11 is torn down, and one message says that its deployment did not finish.',
    before: 'torn_down',
    messages: [],
    settles: true,
    play: ({ untilRolloutIsOver }) => untilRolloutIsOver(),
  },
  {
    name: 'STOP in the workers panel',
    what: 'Someone presses STOP for the reconciler in DECNET’s workers panel.',
    look: 'The host is shown as stopped, its deckies as last known. The dashboard goes on.',
    before: 'up ends as a whole',
    messages: [],
    settles: true,
    play: async ({ decnet }) => decnet.stopReconciler(),
  },
];
