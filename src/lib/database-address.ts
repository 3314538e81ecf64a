import { isIP } from 'node:net';
import pg from 'pg';
import { parseIntoClientConfig } from 'pg-connection-string';
import { FleetError, reasonOf } from './errors.ts';

/** Connection settings beside the address. */
export interface ConnectionPurpose {
  /** The application name, unless the address or PGAPPNAME sets one. */
  readonly applicationName?: string;
  readonly searchPath?: string;
}

/**
 * The connection options of every client: the address as parsed by `pg-connection-string` (TLS modes and files, Unix sockets,
 * `options` and other parameters), and the PG* variables for missing parts.
 * @throws FleetError CONFIG_INVALID when a file in the address cannot be read or a parameter is not valid
 */
export function connectionOptions(url: string, purpose: ConnectionPurpose = {}): pg.ClientConfig {
  try {
    // A client applies the variables even before it connects. It changes the TLS key in its options, so it gets its own copy.
    const worked = new pg.Client(parseIntoClientConfig(url) as pg.ClientConfig) as pg.Client & {
      readonly connectionParameters: { readonly options?: string; readonly application_name?: string };
    };
    const { ssl, ...said } = parseIntoClientConfig(url) as pg.ClientConfig;
    const { host, port, user, password, database } = worked;
    const { options, application_name: name } = worked.connectionParameters;
    const path = purpose.searchPath === undefined ? [] : [`-c search_path=${purpose.searchPath}`];
    return {
      ...said,
      ...defined({ host, port, user, password: password ?? undefined, database }),
      ssl: tlsOf(ssl ?? worked.ssl, host),
      ...defined({
        application_name: name || purpose.applicationName,
        options: [...(options ? [options] : []), ...path].join(' ') || undefined,
      }),
    };
  } catch (error) {
    throw new FleetError('CONFIG_INVALID', `DATABASE_URL cannot be used: ${reasonOf(error)}`, {
      advice:
        'Its parameters are those of pg-connection-string, for example ?sslmode=verify-full&sslrootcert=FILE',
      cause: error,
    });
  }
}

/** `pg` passes only host names to TLS, not IP addresses: a certificate for an address would be checked against `localhost`. */
function tlsOf(ssl: pg.ClientConfig['ssl'], host: string): NonNullable<pg.ClientConfig['ssl']> {
  if (ssl === undefined || ssl === false) return false;
  return { ...(typeof ssl === 'object' && ssl), ...(isIP(host) !== 0 && { host }) };
}

/** The address of a database without user and password, for messages. @throws FleetError CONFIG_INVALID */
export function databaseLocation(url: string): string {
  const { host = '', port, database } = connectionOptions(url);
  return `${host}${host.startsWith('/') ? '' : `:${port}`}/${database ?? ''}`;
}

const defined = <T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
