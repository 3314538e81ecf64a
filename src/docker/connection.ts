import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DockerOptions } from 'dockerode';
import { FleetError, reasonOf } from '../lib/errors.ts';
import { homeOfOthers } from '../lib/home.ts';
import { isObject, type Json, property } from '../lib/json.ts';
import { maskAddress } from '../lib/mask.ts';
import { parseEngineAddress } from './address.ts';

/** The Docker CLI's environment variables that select this host's engine. */
export interface DockerSettings {
  readonly host: string | undefined;
  readonly tlsVerify: boolean;
  readonly certPath: string | undefined;
  readonly context: string | undefined;
  /** `DOCKER_CONFIG`, the configuration directory of the CLI. */
  readonly configDir: string | undefined;
}

interface Endpoint {
  /** An address in the format of `DOCKER_HOST`. */
  readonly host: string;
  /** The source of the address, for messages. */
  readonly from: string;
  /** Directory of ca.pem, cert.pem and key.pem; null: no TLS. */
  readonly certificates: string | null;
  readonly verify: boolean;
}

const defaultHost = 'unix:///var/run/docker.sock';

/**
 * The engine that the Docker CLI would use: `DOCKER_HOST`, else `DOCKER_CONTEXT`, else the CLI's current context, else the
 * default socket.
 * @throws FleetError CONFIG_INVALID
 */
export function dockerConnection(settings: DockerSettings): { options: DockerOptions; location: string } {
  const { host, from, certificates, verify } = endpointOf(settings);
  const address = parseEngineAddress(host);
  switch (address.kind) {
    case 'wrong':
      throw new FleetError('CONFIG_INVALID', `${from} "${maskAddress(host)}" ${address.why}`, {
        advice: address.advice,
      });
    case 'socket':
      return { options: { socketPath: address.path }, location: `unix://${address.path}` };
    case 'tcp': {
      const secure = certificates !== null || address.secure;
      const { host: name, port } = address;
      const at = { host: name, port: port ?? (secure ? 2376 : 2375) };
      const tls =
        certificates === null ? {} : { ...readCertificates(certificates), rejectUnauthorized: verify };
      return {
        options: { ...at, protocol: secure ? 'https' : 'http', ...tls } as DockerOptions,
        location: `${secure ? 'https' : 'tcp'}://${name.includes(':') ? `[${name}]` : name}:${at.port}`,
      };
    }
  }
}

function endpointOf(settings: DockerSettings): Endpoint {
  const configDir = settings.configDir ?? join(homeOfOthers(), '.docker');
  if (settings.host !== undefined) {
    const certificates = settings.certPath ?? (settings.tlsVerify ? configDir : null);
    const usesTls =
      settings.tlsVerify || (settings.certPath !== undefined && settings.host.endsWith(':2376'));
    return {
      host: settings.host,
      from: 'DOCKER_HOST',
      certificates: usesTls ? certificates : null,
      verify: settings.tlsVerify,
    };
  }
  const context = settings.context ?? currentContext(configDir);
  return context === undefined || context === 'default'
    ? { host: defaultHost, from: 'The default socket', certificates: null, verify: false }
    : contextEndpoint(configDir, context);
}

/** `currentContext` of the CLI's configuration. */
function currentContext(configDir: string): string | undefined {
  const file = join(configDir, 'config.json');
  if (!existsSync(file)) return undefined;
  const value = field(readJson(file), 'currentContext');
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Reads a context. The CLI stores it in directories named by the hash of its name. */
function contextEndpoint(configDir: string, context: string): Endpoint {
  const id = createHash('sha256').update(context).digest('hex');
  const file = join(configDir, 'contexts', 'meta', id, 'meta.json');
  if (!existsSync(file)) {
    throw new FleetError('CONFIG_INVALID', `DOCKER_CONTEXT "${context}" does not exist`, {
      advice: `Expected ${file}; \`docker context ls\` lists the existing contexts`,
    });
  }
  const endpoint = field(field(readJson(file), 'Endpoints'), 'docker');
  const host = field(endpoint, 'Host');
  const certificates = join(configDir, 'contexts', 'tls', id, 'docker');
  return {
    host: typeof host === 'string' && host !== '' ? host : defaultHost,
    from: `Docker context "${context}": its endpoint`,
    certificates: existsSync(certificates) ? certificates : null,
    verify: field(endpoint, 'SkipTLSVerify') !== true,
  };
}

const field = (value: Json | undefined, key: string): Json | undefined =>
  isObject(value) ? property(value, key) : undefined;

function readJson(file: string): Json {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Json;
  } catch (error) {
    throw new FleetError('CONFIG_INVALID', `${file} cannot be read: ${reasonOf(error)}`, {
      advice: 'It belongs to the Docker CLI; set DOCKER_HOST to ignore it',
      cause: error,
    });
  }
}

function readCertificates(directory: string): { ca?: Buffer; cert?: Buffer; key?: Buffer } {
  const read = (name: string): Buffer | undefined => {
    const file = join(directory, name);
    try {
      return existsSync(file) ? readFileSync(file) : undefined;
    } catch (error) {
      throw new FleetError('CONFIG_INVALID', `${file} cannot be read: ${reasonOf(error)}`, {
        advice: 'The path comes from DOCKER_CERT_PATH, DOCKER_TLS_VERIFY or the context of the Docker CLI',
        cause: error,
      });
    }
  };
  const [ca, cert, key] = [read('ca.pem'), read('cert.pem'), read('key.pem')];
  if (ca === undefined && cert === undefined) {
    throw new FleetError('CONFIG_INVALID', `No TLS certificates in ${directory}`, {
      advice: 'DOCKER_CERT_PATH must contain ca.pem, cert.pem and key.pem',
    });
  }
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
}
