/** The first part of the day: deployments, good and bad, and a teardown. Each fleet of the day has names of its own. */
import {
  degraded,
  deploying,
  each,
  failed,
  none,
  running,
  type Step,
  starting,
  tornDown,
  unsettled,
} from './day.ts';
import { containerName, type Fleet } from './decnet.ts';

const first: Fleet = { 'web-01': ['http', 'ssh'], 'mail-01': ['smtp', 'imap'], 'db-01': ['mysql'] };
const added: Fleet = { 'web-02': ['http', 'https'], 'iot-01': ['mqtt'] };
const broken: Fleet = { 'new-01': ['ftp'] };
const rotated = ['ssh', 'telnet'] as const;

const names = (...fleets: readonly Fleet[]): readonly string[] =>
  fleets.flatMap((fleet) => Object.keys(fleet));

export const deployments: readonly Step[] = [
  {
    name: 'deploy from the command line',
    what: 'The command line deploys three deckies. It writes the file first, then builds images, then starts containers.',
    look: 'They are pending and deploying, then running. Nothing is an alarm.',
    before: 'torn_down, then failed: created, then running',
    messages: [],
    play: async ({ decnet, becomes, work }) => {
      await becomes(each(names(first), deploying), () => decnet.declare(first));
      await work();
      await becomes(each(names(first), running()), () => decnet.up(first), starting);
    },
  },
  {
    name: 'web deployment of two more',
    what: 'A web deployment adds two deckies. DECNET takes the whole fleet down for it, builds images, and starts all again.',
    look: 'All five are pending and deploying, then running. Nobody is notified.',
    before:
      'host_down after 6 to 8 s, recoveries, then flapping messages; real faults were reported after 302 s',
    messages: [],
    play: async ({ decnet, becomes, work }) => {
      await becomes(each(names(added), deploying), () => decnet.declare(added));
      decnet.lifecycle(names(added), 'running');
      await becomes(each(names(first), deploying), () => decnet.removeServices(first), unsettled);
      await decnet.removeBases(names(first));
      await work();
      const all = { ...first, ...added };
      await becomes(each(names(all), running()), () => decnet.up(all), starting);
      decnet.lifecycle(names(added), 'succeeded');
    },
  },
  {
    name: 'web deployment whose build fails',
    what: 'Another web deployment takes the fleet down, and its build fails. DECNET starts nothing again.',
    look: 'All six are torn down, and one message names the deployment.',
    before: 'right states, and the same host_down as for a deployment that goes well',
    messages: ['deployment_failed'],
    settles: true,
    play: async ({ decnet, becomes, work }) => {
      const old = decnet.declared;
      await becomes(each(names(broken), deploying), () => decnet.declare(broken));
      decnet.lifecycle(names(broken), 'running');
      await becomes(each(names(old), deploying), () => decnet.removeServices(old), unsettled);
      await decnet.removeBases(names(old));
      await work();
      await becomes(each(names(old, broken), tornDown()), async () =>
        decnet.lifecycle(names(broken), 'failed'),
      );
    },
  },
  {
    name: 'the same deployment, repaired',
    what: 'The same deployment is tried again, and its build works.',
    look: 'All six are deploying, then running, and one message says that they run again.',
    before: 'host_recovered, and flapping messages',
    messages: ['host_recovered'],
    settles: true,
    play: async ({ decnet, becomes, work }) => {
      const fleet = decnet.declared;
      await becomes(each(names(fleet), deploying), async () => {
        await decnet.declare({});
        decnet.lifecycle(names(broken), 'running');
      });
      await work();
      await becomes(each(names(fleet), running()), () => decnet.up(fleet), starting);
      decnet.lifecycle(names(broken), 'succeeded');
    },
  },
  {
    name: 'rotation of all services',
    what: 'The mutator replaces http and https of web-02 by ssh and telnet. The file still names the old ones.',
    look: 'web-02 runs, with the services that it has now.',
    before: 'torn_down or degraded for ever',
    messages: [],
    play: async ({ decnet, becomes }) => {
      const old = added['web-02'] ?? [];
      await becomes(
        { 'web-02': running(...rotated) },
        async () => {
          await decnet.removeServices({ 'web-02': old });
          await decnet.addServices({ 'web-02': rotated });
          decnet.mutation('web-02', old, rotated);
        },
        unsettled,
      );
    },
  },
  {
    name: 'teardown of everything',
    what: 'The fleet is torn down. The rotated containers of web-02 are not in the Compose file: they run on, without a network.',
    look: 'The deckies disappear. Nobody is notified.',
    before: 'rows held for ever: "its containers still run"',
    messages: [],
    settles: true,
    play: async ({ engine, decnet, becomes, work }) => {
      const { 'web-02': _, ...others } = decnet.declared;
      await becomes(
        each(names(others), tornDown('no container')),
        () => decnet.removeServices(others),
        unsettled,
      );
      await becomes({ 'web-02': failed('cut off') }, () => decnet.removeBases(names(decnet.declared)), [
        degraded(),
      ]);
      await work();
      await becomes(each(names(decnet.declared), none), () => decnet.removeFile());
      // Someone removes the leftovers.
      for (const service of rotated) await engine.remove(containerName('web-02', service));
    },
  },
];
