import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseDecnetAddress, wrongAddress } from '../decnet-table/address.ts';
import type { DockerSettings } from '../docker/connection.ts';
import { isLegalHost, localHost } from '../fleet/decky.ts';
import { linesAtMost } from '../fleet/last-lines.ts';
import type { Environment } from '../lib/environment.ts';
import { FleetError } from '../lib/errors.ts';
import { homeDirectory } from '../lib/home.ts';
import { type LogFormat, type LogLevel, logFormats, logLevels } from '../lib/log.ts';
import {
  parseReceivers,
  type ReceiverSettings,
  webhookSettings,
  webhookVariable,
} from '../notify/addresses.ts';
import { withSecretFiles } from './secret-files.ts';
import { type TraceSettings, traceSettings } from './trace-settings.ts';

/** The parsed environment. @see CONTRACT.md, "Environment" */
export interface Config {
  readonly host: string;
  /** Null: the embedded database of `dataDir`. */
  readonly databaseUrl: string | null;
  /** Null: the queues are in PostgreSQL. */
  readonly redisUrl: string | null;
  /** DECNET's own database. Null: its table is not kept in sync. */
  readonly decnetDatabaseUrl: string | null;
  /** The configured directory, else the default; null: this user has no home directory. @see dataDirOf */
  readonly dataDir: string | null;
  /** Whether `dataDir` is the default. */
  readonly usesUsualDataDir: boolean;
  /** The configured path; null: one of the default paths, see `chooseStateFile`. */
  readonly stateFile: string | null;
  readonly docker: DockerSettings;
  /** Seconds. */
  readonly intervalSeconds: number;
  readonly hosts: readonly string[];
  /** Seconds. */
  readonly graceSeconds: number;
  /** Seconds. */
  readonly rolloutSeconds: number;
  readonly checksPorts: boolean;
  readonly historyDays: number;
  readonly bus: { readonly enabled: boolean; readonly socket: string | null };
  /** The public address of the dashboard, for links. */
  readonly publicUrl: string | null;
  /** More host names that the dashboard accepts. */
  readonly dashboardHosts: readonly string[];
  /** Null: the dashboard has no login, and is read-only. */
  readonly login: { readonly user: string; readonly password: string } | null;
  /** Who gets notifications. Their addresses may contain tokens, so only their names and origins may be logged. */
  readonly receivers: readonly ReceiverSettings[];
  /** How many of the last lines of a container's log a notification has; 0: none. */
  readonly notifyLogLines: number;
  /** The address for heartbeats to the outside. It may contain a token, so only its origin may be logged. */
  readonly heartbeatUrl: string | null;
  /** Null: no traces are sent. */
  readonly traces: TraceSettings | null;
  readonly logLevel: LogLevel;
  /** Null: text on a terminal, otherwise JSON. */
  readonly logFormat: LogFormat | null;
}

/** @throws FleetError CONFIG_INVALID with a list of all invalid values */
export function parseConfig(given: Environment): Config {
  const problems: string[] = [];
  const env = withSecretFiles(given, problems);
  const read = reader(env, problems);
  const config: Config = {
    host: read.text('DECNET_HOST_UUID', localHost, isLegalHost, hostRule),
    databaseUrl: read.url('DATABASE_URL', ['postgres:', 'postgresql:']),
    redisUrl: read.url('REDIS_URL', ['redis:', 'rediss:']),
    decnetDatabaseUrl: read.decnetTable('DECNET_DATABASE_URL'),
    dataDir: read.value('DECNET_DATA_DIR') ?? defaultDataDir(env),
    usesUsualDataDir: read.value('DECNET_DATA_DIR') === undefined,
    stateFile: read.value('DECNET_STATE_FILE') ?? null,
    docker: {
      host: read.value('DOCKER_HOST'),
      tlsVerify: read.value('DOCKER_TLS_VERIFY') !== undefined,
      certPath: read.value('DOCKER_CERT_PATH'),
      context: read.value('DOCKER_CONTEXT'),
      configDir: read.value('DOCKER_CONFIG'),
    },
    intervalSeconds: read.wholeNumber('DECNET_INTERVAL', 30, 1, 86_400),
    hosts: read.list('DECNET_HOSTS', isLegalHost, hostRule),
    graceSeconds: read.wholeNumber('DECNET_GRACE', 300, 0, 86_400),
    rolloutSeconds: read.wholeNumber('DECNET_ROLLOUT', 900, 0, 86_400),
    checksPorts: read.oneOf('DECNET_CHECK_PORTS', 'false', ['true', 'false']) === 'true',
    historyDays: read.wholeNumber('DECNET_HISTORY_DAYS', 30, 1, 36_500),
    bus: {
      enabled: read.value('DECNET_BUS_ENABLED')?.toLowerCase() !== 'false',
      socket: read.value('DECNET_BUS_SOCKET') ?? null,
    },
    publicUrl: read.url('DASHBOARD_PUBLIC_URL', ['http:', 'https:'])?.replace(/\/+$/, '') ?? null,
    dashboardHosts: read.list('DASHBOARD_HOSTS', isHostName, hostNameRule),
    login: read.login('DASHBOARD_USER', 'DASHBOARD_PASSWORD'),
    receivers: read.receivers(webhookVariable, 'DECNET_NOTIFY'),
    notifyLogLines: read.wholeNumber('DECNET_NOTIFY_LOGS', 0, 0, linesAtMost),
    heartbeatUrl: read.url('DECNET_HEARTBEAT_URL', ['http:', 'https:']),
    traces: traceSettings(env, read),
    logLevel: read.oneOf('LOG_LEVEL', 'info', logLevels),
    logFormat: read.value('LOG_FORMAT') === undefined ? null : read.oneOf('LOG_FORMAT', 'json', logFormats),
  };
  if (problems.length > 0) throw new FleetError('CONFIG_INVALID', problems.join('; '));
  return config;
}

export const hostRule = '1 to 64 of A-Z a-z 0-9 - _ . and not only dots';

const hostNameRule = 'the name of a host, without a port';
const isHostName = (text: string): boolean =>
  text.length <= 253 && /^[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?$/i.test(text);

/** The readers add errors to `problems` and never throw. */
function reader(env: Environment, problems: string[]) {
  const value = (name: string): string | undefined => (env[name] === '' ? undefined : env[name]);
  const wrong = (name: string, found: string, allowed: string): void => {
    problems.push(`${name} is "${found}"; allowed: ${allowed}`);
  };
  /** The error does not contain the value, which may contain a password. */
  const url = (name: string, protocols: readonly string[]): string | null => {
    const found = value(name);
    if (found === undefined) return null;
    if (!isAddress(found, protocols))
      problems.push(`${name} is not an address; allowed: ${protocols.map((one) => `${one}//…`).join(', ')}`);
    return found;
  };
  return {
    value,
    text: (name: string, fallback: string, holds: (found: string) => boolean, allowed: string): string => {
      const found = value(name) ?? fallback;
      if (!holds(found)) wrong(name, found, allowed);
      return found;
    },
    wholeNumber: (name: string, fallback: number, from: number, to: number): number => {
      const found = value(name);
      if (found === undefined) return fallback;
      const number = wholeNumber(found, from, to);
      if (number === null) wrong(name, found, `a whole number from ${from} to ${to}`);
      return number ?? fallback;
    },
    oneOf: <T extends string>(name: string, fallback: T, allowed: readonly T[]): T => {
      const found = value(name);
      const known = found === undefined ? fallback : allowed.find((one) => one === found);
      if (known === undefined) wrong(name, found ?? '', allowed.join(', '));
      return known ?? fallback;
    },
    list: (name: string, holds: (found: string) => boolean, rule: string): readonly string[] => {
      const parts = (value(name) ?? '').split(',').map((part) => part.trim());
      const found = parts.filter((part) => part !== '');
      for (const part of found) if (!holds(part)) wrong(name, part, `a comma list, each ${rule}`);
      return [...new Set(found)];
    },
    /** Both or neither. The name must not contain a colon: in Basic authentication it ends the name. */
    login: (userName: string, passwordName: string) => {
      const [user, password] = [value(userName), value(passwordName)];
      if ((user === undefined) !== (password === undefined))
        problems.push(`${user === undefined ? userName : passwordName} is not set; set both, or neither`);
      if (user?.includes(':')) wrong(userName, user, 'a name without a colon');
      return user === undefined || password === undefined ? null : { user, password };
    },
    /** As `url`, for DECNET's own database. */
    decnetTable: (name: string): string | null => {
      const found = value(name);
      if (found === undefined) return null;
      const parsed = parseDecnetAddress(found);
      if ('problem' in parsed) problems.push(`${name} ${wrongAddress(parsed.problem)}`);
      return found;
    },
    url,
    /** The receiver of the one variable, which is a single address, and those of the other. */
    receivers: (single: string, several: string): readonly ReceiverSettings[] => {
      const before = problems.length;
      const address = url(single, ['http:', 'https:']);
      const webhook = address === null || problems.length > before ? [] : [webhookSettings(address)];
      const parsed = parseReceivers(value(several) ?? '');
      problems.push(...parsed.problems.map((problem) => `${several}: ${problem}`));
      return [...webhook, ...parsed.receivers];
    },
  };
}

/**
 * Whether an address is unambiguous. Parsers differ for an address without `//`. In an address whose password contains `/`,
 * `?` or `#` unencoded, the rest with the `@` and the real host is parsed as a path.
 */
function isAddress(given: string, protocols: readonly string[]): boolean {
  // A database on a Unix socket has a user and no host: `postgresql://user:password@/name?host=/run/postgresql`.
  const text = given.replace(/^(\s*postgres(?:ql)?:\/\/[^/?#]*@)\//, '$1localhost/');
  if (!/^\s*[a-z][a-z0-9+.-]*:\/\//i.test(text) || !URL.canParse(text)) return false;
  const { protocol, pathname, search, hash } = new URL(text);
  if (!protocols.includes(protocol)) return false;
  // The path of a web address may contain `@`.
  const isOfWeb = protocol === 'http:' || protocol === 'https:';
  return isOfWeb || !`${pathname}${pathname === '' ? search : ''}${hash}`.includes('@');
}

/** Parses a whole number; null: not valid or out of range. */
export function wholeNumber(text: string, from: number, to: number): number | null {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  return number >= from && number <= to ? number : null;
}

export const rootDataDir = '/var/lib/decnet-fleet';

function defaultDataDir(env: Environment): string | null {
  if (process.getuid?.() === 0) return rootDataDir;
  const home = env.HOME || homeDirectory();
  const state = env.XDG_STATE_HOME || (home && join(home, '.local', 'state'));
  return state && join(state, 'decnet-fleet');
}

/** @throws FleetError CONFIG_INVALID when there is no directory for the embedded database */
export function dataDirOf({ dataDir }: Config): string {
  if (dataDir !== null) return dataDir;
  throw new FleetError('CONFIG_INVALID', 'This user has no home directory for the embedded database', {
    advice: 'Set DECNET_DATA_DIR to a directory for it, or DATABASE_URL to your own PostgreSQL',
  });
}

const usualStateFiles = ['/opt/decnet/decnet-state.json', '/var/lib/decnet/decnet-state.json'];

/**
 * The path of this host's state file: the configured one, else the first default path that exists, else the first whose
 * directory exists. Null: none.
 */
export function chooseStateFile(config: Config): string | null {
  return (
    config.stateFile ??
    usualStateFiles.find((file) => existsSync(file)) ??
    usualStateFiles.find((file) => statSync(dirname(file), { throwIfNoEntry: false })?.isDirectory()) ??
    null
  );
}

/** @param more what else is to be said */
export const noStateFile = (more = ''): FleetError =>
  new FleetError('CONFIG_INVALID', `No state file: neither ${usualStateFiles.join(' nor ')} exists${more}`, {
    advice: 'Set DECNET_STATE_FILE to the decnet-state.json that DECNET writes on this host',
  });
