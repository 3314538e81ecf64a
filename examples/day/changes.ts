/** The second part of the day: what DECNET changes about deckies that run. */
import { degraded, deploying, each, none, running, type Step, starting, tornDown, unsettled } from './day.ts';
import { containerName, type Fleet, serviceOf } from './decnet.ts';

/** The fleet of the rest of the day: each decky is for one event or two, so that none of them counts as flapping. */
const fleet: Fleet = {
  'web-11': ['http', 'https', 'ftp'],
  'win-11': ['rdp', 'smb'],
  'file-11': ['smb', 'ftp'],
  'mail-11': ['smtp'],
  'iot-11': ['mqtt', 'telnet'],
  'relay-11': ['smtp_relay', 'docker_api'],
  'db-11': ['mysql', 'redis'],
  'web-12': ['http'],
  'old-11': ['ssh'],
  'web-13': ['http', 'ssh'],
  'k8s-11': ['k8s'],
  'db-12': ['mysql', 'redis'],
  'ftp-11': ['ftp'],
  'ssh-11': ['ssh', 'http'],
  'cache-11': ['redis', 'mysql'],
  'vnc-11': ['vnc', 'rdp'],
  'print-11': ['snmp'],
  'dns-11': ['dns'],
};

export const changes: readonly Step[] = [
  {
    name: 'deploy of another fleet',
    what: 'The command line deploys another fleet of eighteen deckies.',
    look: 'They are pending and deploying, then running.',
    before: 'torn_down, then failed: created, then running',
    messages: [],
    play: async ({ decnet, becomes, work }) => {
      await becomes(each(Object.keys(fleet), deploying), () => decnet.declare(fleet));
      await work();
      await becomes(each(Object.keys(fleet), running()), () => decnet.up(fleet), starting);
    },
  },
  {
    name: 'rotation to a subset',
    what: 'The mutator rotates web-11 from http, https and ftp to http and ftp.',
    look: 'web-11 runs, with two services.',
    before: 'degraded for ever',
    messages: [],
    play: async ({ decnet, becomes }) => {
      const to = ['http', 'ftp'];
      await becomes(
        { 'web-11': running(...to) },
        async () => {
          await decnet.removeServices({ 'web-11': ['https'] });
          decnet.mutation('web-11', fleet['web-11'] ?? [], to);
        },
        unsettled,
      );
    },
  },
  {
    name: 'rotation of a Windows decky',
    what: 'The mutator rotates win-11 from rdp and smb to smb and vnc. Of a Windows decky it recreates the base, too.',
    look: 'win-11 is away for two seconds, then runs with its new services. Nobody is notified.',
    before: 'degraded for ever',
    messages: [],
    play: async ({ decnet, becomes }) => {
      const [old, to] = [fleet['win-11'] ?? [], ['smb', 'vnc']];
      await becomes(
        { 'win-11': running(...to) },
        async () => {
          await decnet.removeServices({ 'win-11': old });
          await decnet.removeBases(['win-11']);
          await decnet.up({ 'win-11': to });
          decnet.mutation('win-11', old, to);
        },
        unsettled,
      );
    },
  },
  {
    name: 'rotation that fails',
    what: 'The mutator rotates file-11 from smb and ftp to ldap and smb. The container of ldap cannot start.',
    look: 'file-11 is degraded, and a message says so.',
    before: 'degraded: right',
    messages: ['decky_down file-11'],
    play: async ({ engine, decnet, becomes }) => {
      await becomes(
        { 'file-11': degraded('ftp') },
        async () => {
          await decnet.removeServices({ 'file-11': ['ftp'] });
          await engine.create(serviceOf('file-11', 'ldap', { behaviour: 'cannot start' }));
          await engine.start(containerName('file-11', 'ldap')).catch(() => undefined);
        },
        unsettled,
      );
    },
  },
  {
    name: 'a service is added live',
    what: 'An operator adds imap to mail-11, which has smtp.',
    look: 'mail-11 runs, with two services.',
    before: 'a blip of degraded; four within 10 min is a flapping message',
    messages: [],
    play: async ({ decnet, becomes }) => {
      const services = ['smtp', 'imap'];
      await becomes(
        { 'mail-11': running(...services) },
        async () => {
          await decnet.declare({ 'mail-11': services });
          await decnet.addServices({ 'mail-11': ['imap'] });
          decnet.live('service_added', 'mail-11', 'imap');
        },
        unsettled,
      );
    },
  },
  {
    name: 'a service is removed live',
    what: 'An operator removes telnet from iot-11.',
    look: 'iot-11 runs with mqtt alone.',
    before: 'a blip of degraded',
    messages: [],
    play: async ({ decnet, becomes }) => {
      await becomes(
        { 'iot-11': running('mqtt') },
        async () => {
          await decnet.declare({ 'iot-11': ['mqtt'] });
          await decnet.removeServices({ 'iot-11': ['telnet'] });
          decnet.live('service_removed', 'iot-11', 'telnet');
        },
        unsettled,
      );
    },
  },
  {
    name: 'a service is configured live',
    what: 'An operator configures docker_api of relay-11. Its container is recreated.',
    look: 'relay-11 is away for a moment, then runs. Nobody is notified.',
    before: 'a blip of degraded',
    messages: [],
    play: async ({ engine, decnet, becomes }) => {
      await becomes(
        { 'relay-11': running('smtp_relay', 'docker_api') },
        async () => {
          await decnet.configure('relay-11', 'docker_api', { version: '27.1' });
          await decnet.removeServices({ 'relay-11': ['docker_api'] });
          // Docker does not restart this one: a later event of the day needs it.
          await engine.create(serviceOf('relay-11', 'docker_api', { restarts: false }));
          await engine.start(containerName('relay-11', 'docker_api'));
          decnet.live('service_config_changed', 'relay-11', 'docker_api');
        },
        unsettled,
      );
    },
  },
  {
    name: 'rotation from a stale record',
    what: 'The mutator works from its own record, which knows nothing of live changes: it removes imap of mail-11 and starts telnet of iot-11 again.',
    look: 'mail-11 is degraded, and a message says so: nobody asked for it.',
    before: 'degraded, torn_down: right',
    messages: ['decky_down mail-11'],
    settles: true,
    play: async ({ decnet, becomes }) => {
      await becomes(
        { 'mail-11': degraded('imap'), 'iot-11': running('mqtt') },
        async () => {
          await decnet.removeServices({ 'mail-11': ['imap'] });
          await decnet.addServices({ 'iot-11': ['telnet'] });
        },
        unsettled,
      );
    },
  },
  {
    name: 'DELETE of a decky',
    what: 'Someone deletes db-11. DECNET removes its services and leaves its base, which only answers ping.',
    look: 'db-11 disappears, and is listed as a leftover after a minute.',
    before: 'the row is deleted, nothing is said',
    messages: [],
    play: async ({ decnet, becomes }) => {
      await becomes(
        { 'db-11': tornDown('no container') },
        () => decnet.removeServices({ 'db-11': fleet['db-11'] ?? [] }),
        unsettled,
      );
      await becomes({ 'db-11': none }, () => decnet.declare({ 'db-11': null }));
    },
  },
  {
    name: 'DELETE of a rotated decky',
    what: 'The mutator rotates web-12 from http to ssh, then someone deletes it. DECNET removes the services that its file names: ssh runs on.',
    look: 'web-12 disappears, and is listed as undeclared after a minute.',
    before: 'the row is deleted, nothing is said',
    messages: [],
    play: async ({ decnet, becomes }) => {
      await becomes(
        { 'web-12': running('ssh') },
        async () => {
          await decnet.removeServices({ 'web-12': ['http'] });
          await decnet.addServices({ 'web-12': ['ssh'] });
          decnet.mutation('web-12', ['http'], ['ssh']);
        },
        unsettled,
      );
      await becomes({ 'web-12': none }, () => decnet.declare({ 'web-12': null }));
    },
  },
  {
    name: 'teardown --id',
    what: 'The command line tears down old-11. The file still names it.',
    look: 'old-11 is torn down, and a message says so.',
    before: 'torn_down for ever, an alarm',
    messages: ['decky_down old-11'],
    play: async ({ decnet, becomes }) => {
      await becomes(
        { 'old-11': tornDown('no container') },
        () => decnet.removeServices({ 'old-11': ['ssh'] }),
        unsettled,
      );
    },
  },
  {
    name: 'a deployment that never ends',
    what: 'The command line deploys new-11, and hangs. Nothing says so.',
    look: 'new-11 is pending and deploying, for as long as a deployment may take.',
    before: 'torn_down',
    messages: ['deployment_failed'],
    messagesCome: 'after the rollout',
    play: async ({ decnet, becomes, becomesAfterRollout }) => {
      await becomes({ 'new-11': deploying }, () => decnet.declare({ 'new-11': ['ssh'] }));
      becomesAfterRollout({ 'new-11': tornDown('no container') });
    },
  },
];
