import { isLegalHost } from '../fleet/decky.ts';
import { linesAtMost } from '../fleet/last-lines.ts';
import { logFormats, logLevels } from '../lib/log-options.ts';
import { isNetwork } from '../web/sign-in/proxies.ts';
import { roles } from '../web/sign-in/users.ts';
import type { Setting, Takes } from './setting.ts';

export const hostRule = '1 to 64 of A-Z a-z 0-9 - _ . and not only dots';

const isHostName = (text: string): boolean =>
  text.length <= 253 && /^[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?$/i.test(text);

/** Clients send the other headers with another meaning. */
const isUserHeader = (name: string): boolean =>
  /^[a-z0-9-]{1,100}$/i.test(name) &&
  !['authorization', 'cookie', 'host', 'origin', 'accept'].includes(name.toLowerCase());

const any = { as: 'text', allowed: 'any text', holds: () => true } as const;
const path = { as: 'path' } as const;
const web = { as: 'address', protocols: ['http:', 'https:'] } as const;
const seconds = (from: number, to: number) => ({ as: 'number', from, to, unit: 'seconds' }) as const;

/** By variable; the key in the configuration file is the same in lower case. A new setting is a row here. */
export const settings = {
  DATABASE_URL: {
    takes: { as: 'address', protocols: ['postgres:', 'postgresql:'] },
    fallback: null,
    unset: 'an embedded PostgreSQL in DECNET_DATA_DIR',
    secret: 'address without password',
    help: 'PostgreSQL 13 or newer, in UTF8.',
  },
  REDIS_URL: {
    takes: { as: 'address of Redis' },
    fallback: null,
    unset: 'the queues are in PostgreSQL',
    secret: 'address without password',
    help: 'Redis 7 or newer, for the queues.',
  },
  REDIS_CA_FILE: {
    takes: path,
    fallback: null,
    unset: 'the authorities that Node.js trusts',
    help: 'The certificates of the authorities that are trusted for TLS to Redis, in PEM.',
  },
  REDIS_CERT_FILE: {
    takes: path,
    fallback: null,
    unset: 'none',
    help: 'The certificate of this process, for a Redis that asks for one, in PEM.',
  },
  REDIS_KEY_FILE: {
    takes: path,
    fallback: null,
    unset: 'none',
    help: 'The key of REDIS_CERT_FILE, in PEM.',
  },
  DECNET_DATA_DIR: {
    takes: path,
    fallback: null,
    unset:
      '/var/lib/decnet-fleet for root, else $XDG_STATE_HOME/decnet-fleet, else ~/.local/state/decnet-fleet',
    help: 'The directory of the embedded PostgreSQL.',
  },
  DECNET_HOST_UUID: {
    takes: { as: 'text', allowed: hostRule, holds: isLegalHost },
    fallback: 'local',
    help: 'The name of this host.',
  },
  DECNET_STATE_FILE: {
    takes: path,
    fallback: null,
    unset: 'decnet-state.json in /opt/decnet or /var/lib/decnet',
    help: "DECNET's state file on this host.",
  },
  DOCKER_HOST: {
    takes: any,
    fallback: null,
    unset: 'as the Docker CLI, its current context included',
    help: "The address of this host's Docker engine: unix:, tcp:, http: or https:.",
  },
  DOCKER_TLS_VERIFY: {
    takes: { as: 'flag' },
    fallback: null,
    unset: 'off',
    help: 'Whether the engine is reached by TLS, and its certificate is verified.',
  },
  DOCKER_CERT_PATH: {
    takes: path,
    fallback: null,
    unset: 'as the Docker CLI',
    help: 'The directory with ca.pem, cert.pem and key.pem for the engine.',
  },
  DOCKER_CONTEXT: {
    takes: any,
    fallback: null,
    unset: 'the current one',
    help: 'The context of the Docker CLI.',
  },
  DOCKER_CONFIG: {
    takes: path,
    fallback: null,
    unset: '~/.docker',
    help: "The directory of the Docker CLI's configuration, in which contexts are looked for.",
  },
  DECNET_INTERVAL: {
    takes: seconds(1, 86_400),
    fallback: '30',
    help: 'The time between scheduled passes of a host.',
  },
  DECNET_HOSTS: {
    takes: { as: 'list', allowed: hostRule, holds: isLegalHost },
    fallback: null,
    unset: 'none',
    help: 'Hosts that the scheduler schedules beside those that registered.',
  },
  DECNET_GRACE: {
    takes: seconds(0, 86_400),
    fallback: '300',
    help: 'How long a row that another program wrote is left to it.',
  },
  DECNET_ROLLOUT: {
    takes: seconds(0, 86_400),
    fallback: '900',
    help: 'How long a deployment may take before what is missing counts as down; 0: no deployment explains anything.',
  },
  DECNET_CHECK_PORTS: {
    takes: { as: 'choice', of: ['true', 'false'] },
    fallback: 'false',
    help: "Whether to check that something listens on the services' ports.",
  },
  DECNET_HISTORY_DAYS: {
    takes: { as: 'number', from: 1, to: 36_500, unit: 'days' },
    fallback: '30',
    help: 'How long the history of changes is kept.',
  },
  DECNET_DATABASE_URL: {
    takes: { as: 'address of DECNET' },
    fallback: null,
    unset: "DECNET's own table is not kept",
    secret: 'address without password',
    help: "DECNET's own database on this host, whose table is kept in sync: sqlite:///path, mysql://… or mariadb://….",
  },
  DECNET_BUS_ENABLED: {
    takes: any,
    fallback: 'true',
    help: "Whether DECNET's own bus on this host gets messages; false in any case: it does not.",
  },
  DECNET_BUS_SOCKET: {
    takes: path,
    fallback: null,
    unset: 'as BUS.md',
    help: "The Unix socket of DECNET's own bus.",
  },
  DECNET_NOTIFY: {
    takes: { as: 'receivers' },
    fallback: null,
    unset: 'none',
    secret: 'names of receivers',
    help: 'The receivers of notifications: addresses with white space between them, each with its filters (alarms.md).',
  },
  DECNET_NOTIFY_LOGS: {
    takes: { as: 'number', from: 0, to: linesAtMost, unit: 'lines' },
    fallback: '0',
    help: "How many of the last lines of a container's log a message shows; for the workers.",
  },
  DECNET_WEBHOOK_URL: {
    takes: web,
    fallback: null,
    unset: 'none',
    secret: 'origin',
    help: 'One more receiver, which gets every notification.',
  },
  DECNET_HEARTBEAT_URL: {
    takes: web,
    fallback: null,
    unset: 'none',
    secret: 'origin',
    help: 'Where heartbeats to the outside go, for the scheduler.',
  },
  DASHBOARD_PUBLIC_URL: {
    takes: web,
    fallback: null,
    unset: 'none',
    help: 'The public address of the dashboard, with its path if it has one.',
  },
  DASHBOARD_HOSTS: {
    takes: { as: 'list', allowed: 'the name of a host, without a port', holds: isHostName },
    fallback: null,
    unset: 'none',
    help: 'More host names that the dashboard accepts.',
  },
  DASHBOARD_USER: {
    takes: { as: 'text', allowed: 'a name without a colon', holds: (found: string) => !found.includes(':') },
    fallback: null,
    unset: 'no login: the dashboard is read-only and listens on loopback',
    help: 'The name of the login of the dashboard; goes with DASHBOARD_PASSWORD.',
  },
  DASHBOARD_PASSWORD: {
    takes: any,
    fallback: null,
    unset: 'no login',
    secret: 'nothing',
    help: 'The password of the login of the dashboard.',
  },
  DASHBOARD_USERS_FILE: {
    takes: path,
    fallback: null,
    unset: 'no other users',
    help: 'The file of the other users of the dashboard, `name:role:hash` a line.',
  },
  DASHBOARD_TRUSTED_PROXIES: {
    takes: { as: 'list', allowed: 'an address or a network, such as 10.0.0.0/8', holds: isNetwork },
    fallback: null,
    unset: 'none',
    help: 'The proxies that say truly who asks, and from where.',
  },
  DASHBOARD_PROXY_HEADER: {
    takes: { as: 'text', allowed: 'a header of its own, such as X-Forwarded-User', holds: isUserHeader },
    fallback: null,
    unset: 'none',
    help: 'The header in which a trusted proxy names the user.',
  },
  DASHBOARD_PROXY_ROLE: {
    takes: { as: 'choice', of: roles },
    fallback: 'look',
    help: 'The role of users of the proxy who are not in the file of users.',
  },
  DECNET_HEALTH_FILE: {
    takes: path,
    fallback: null,
    unset: 'none',
    help: 'A file that a worker, scheduler or dashboard writes while it is in order, for the health check of a container.',
  },
  LOG_LEVEL: {
    takes: { as: 'choice', of: logLevels },
    fallback: 'info',
    help: 'The least severe log lines to write; commands that end by themselves write warn and above if it is not set.',
  },
  LOG_FORMAT: {
    takes: { as: 'choice', of: logFormats },
    fallback: 'auto',
    help: 'Lines of text or of JSON; auto: text on a terminal, otherwise JSON.',
  },
} as const satisfies Readonly<Record<string, Setting>>;

export type SettingName = keyof typeof settings;

/** The settings that take such values. */
export type NamesThatTake<T extends Takes['as']> = {
  [Name in SettingName]: (typeof settings)[Name]['takes']['as'] extends T ? Name : never;
}[SettingName];

export const settingNames = Object.keys(settings) as readonly SettingName[];

export const settingOf = (name: SettingName): Setting => settings[name];

/** The key of a setting in the configuration file, and the name of its systemd credential. */
export const keyOf = (name: SettingName): string => name.toLowerCase();

/** The names of the settings that may be given as a file or a credential. */
export const secretNames: readonly SettingName[] = settingNames.filter(
  (name) => settingOf(name).secret !== undefined,
);

/** The variable that names the configuration file. It is no setting: it cannot stand in that file. */
export const configFileVariable = 'DECNET_FLEET_CONFIG';
