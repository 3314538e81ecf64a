import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DockerSettings } from '../docker/connection.ts';
import type { Environment } from '../lib/environment.ts';
import { FleetError } from '../lib/errors.ts';
import { homeDirectory } from '../lib/home.ts';
import { type LogFormat, type LogLevel, logFormats, logLevels } from '../lib/log-options.ts';
import type { RedisTls } from '../lib/redis-address.ts';
import { type ReceiverSettings, webhookVariable } from '../notify/addresses.ts';
import type { ServiceManager } from '../service-manager/notify.ts';
import type { ProxySettings } from '../web/ports.ts';
import { roles } from '../web/sign-in/users.ts';
import type { Findings } from './config-file.ts';
import { redisSettings } from './redis-settings.ts';
import { settingReaders } from './setting-readers.ts';
import { configFileVariable } from './settings.ts';
import { readSources, type Sources } from './sources.ts';
import { type TraceSettings, traceSettings } from './trace-settings.ts';
import { unknownVariables } from './unknown-variables.ts';

/** The parsed settings. @see CONTRACT.md, "Environment" */
export interface Config {
  readonly host: string;
  /** Null: the embedded database of `dataDir`. */
  readonly databaseUrl: string | null;
  /** Null: the queues are in PostgreSQL. */
  readonly redisUrl: string | null;
  /** The files for TLS to Redis; null: the address is not one with TLS. */
  readonly redisTls: RedisTls | null;
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
  /** The user of the dashboard who needs no file of users. */
  readonly login: { readonly user: string; readonly password: string } | null;
  /** Why a dashboard must not start: half a login. Processes without a dashboard may share its settings, without its password. */
  readonly loginProblem: string | null;
  /** The path of the dashboard's file of users. */
  readonly usersFile: string | null;
  readonly dashboardProxy: ProxySettings;
  /** Who gets notifications. Their addresses may contain tokens, so only their names and origins may be logged. */
  readonly receivers: readonly ReceiverSettings[];
  /** How many of the last lines of a container's log a notification has; 0: none. */
  readonly notifyLogLines: number;
  /** The address for heartbeats to the outside. It may contain a token, so only its origin may be logged. */
  readonly heartbeatUrl: string | null;
  /** The service manager that started this process and wants reports; null: none. */
  readonly serviceManager: ServiceManager | null;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  /** Null: no traces are sent. */
  readonly traces: TraceSettings | null;
  /** What is set, and where. The values may be secrets. */
  readonly sources: Sources;
  /** For the operator, without secrets. */
  readonly warnings: readonly string[];
}

/**
 * The settings of the environment, of systemd's credentials and of the configuration file.
 * @throws FleetError CONFIG_INVALID with a list of all invalid values
 */
export function parseConfig(env: Environment): Config {
  const findings: Findings = { problems: [], warnings: [...unknownVariables(env)] };
  const config = configOf(env, findings);
  if (findings.problems.length > 0) throw new FleetError('CONFIG_INVALID', findings.problems.join('; '));
  return config;
}

/** What is wrong with a configuration file, and how many settings it has. Other settings are not checked. */
export function checkConfigFile(file: string): Findings & { readonly count: number } {
  const findings: Findings = { problems: [], warnings: [] };
  const { sources } = configOf({ [configFileVariable]: file }, findings);
  return { ...findings, count: sources.values.size };
}

/** @param findings gets what is wrong */
function configOf(env: Environment, findings: Findings): Config {
  const sources = readSources(env, findings);
  const read = settingReaders(sources.values, findings.problems);
  const dataDir = read.text('DECNET_DATA_DIR');
  const [user, password] = [read.text('DASHBOARD_USER'), read.text('DASHBOARD_PASSWORD')];
  return {
    host: read.filled('DECNET_HOST_UUID'),
    databaseUrl: read.url('DATABASE_URL'),
    ...redisSettings(read, findings.problems),
    decnetDatabaseUrl: read.decnetTable('DECNET_DATABASE_URL'),
    dataDir: dataDir ?? defaultDataDir(env),
    usesUsualDataDir: dataDir === null,
    stateFile: read.text('DECNET_STATE_FILE'),
    docker: {
      host: read.text('DOCKER_HOST') ?? undefined,
      tlsVerify: read.text('DOCKER_TLS_VERIFY') !== null,
      certPath: read.text('DOCKER_CERT_PATH') ?? undefined,
      context: read.text('DOCKER_CONTEXT') ?? undefined,
      configDir: read.text('DOCKER_CONFIG') ?? undefined,
    },
    intervalSeconds: read.wholeNumber('DECNET_INTERVAL'),
    hosts: read.list('DECNET_HOSTS'),
    graceSeconds: read.wholeNumber('DECNET_GRACE'),
    rolloutSeconds: read.wholeNumber('DECNET_ROLLOUT'),
    checksPorts: read.oneOf('DECNET_CHECK_PORTS', ['true', 'false']) === 'true',
    historyDays: read.wholeNumber('DECNET_HISTORY_DAYS'),
    bus: {
      enabled: read.filled('DECNET_BUS_ENABLED').toLowerCase() !== 'false',
      socket: read.text('DECNET_BUS_SOCKET'),
    },
    publicUrl: read.url('DASHBOARD_PUBLIC_URL')?.replace(/\/+$/, '') ?? null,
    dashboardHosts: read.list('DASHBOARD_HOSTS'),
    login: user === null || password === null ? null : { user, password },
    loginProblem:
      (user === null) === (password === null)
        ? null
        : `${user === null ? 'DASHBOARD_USER' : 'DASHBOARD_PASSWORD'} is not set; set both, or neither`,
    usersFile: read.text('DASHBOARD_USERS_FILE'),
    dashboardProxy: proxySettings(read, findings.problems),
    receivers: read.receivers(webhookVariable, 'DECNET_NOTIFY'),
    notifyLogLines: read.wholeNumber('DECNET_NOTIFY_LOGS'),
    heartbeatUrl: read.url('DECNET_HEARTBEAT_URL'),
    serviceManager: serviceManagerOf(env, read.text('DECNET_HEALTH_FILE')),
    logLevel: read.oneOf('LOG_LEVEL', logLevels),
    logFormat: read.oneOf('LOG_FORMAT', logFormats),
    traces: traceSettings(env, findings.problems),
    sources,
    warnings: findings.warnings,
  };
}

function serviceManagerOf(env: Environment, healthFile: string | null): ServiceManager | null {
  const socket = env.NOTIFY_SOCKET || null;
  if (socket === null && healthFile === null) return null;
  const { WATCHDOG_USEC: microseconds = '', WATCHDOG_PID: pid, PATH: path = '/usr/bin' } = env;
  const isWatched = /^[1-9]\d{0,14}$/.test(microseconds) && (!pid || Number(pid) === process.pid);
  return { socket, healthFile, watchdogMs: isWatched ? Number(microseconds) / 1000 : null, path };
}

/** A header without trusted proxies would let every client choose its name. */
function proxySettings(read: ReturnType<typeof settingReaders>, problems: string[]): ProxySettings {
  const header = read.text('DASHBOARD_PROXY_HEADER')?.toLowerCase() ?? null;
  const trusted = read.list('DASHBOARD_TRUSTED_PROXIES');
  if (header !== null && trusted.length === 0)
    problems.push(
      'DASHBOARD_PROXY_HEADER is set without DASHBOARD_TRUSTED_PROXIES; set the addresses of the proxies, such as 127.0.0.1',
    );
  return { header, trusted, role: read.oneOf('DASHBOARD_PROXY_ROLE', roles) };
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
