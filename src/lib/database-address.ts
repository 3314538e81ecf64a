import { isIP } from 'node:net';
import pg from 'pg';
import { parseIntoClientConfig } from 'pg-connection-string';
import { FleetError, reasonOf } from './errors.ts';

/** What a part of ours asks of its connections, beside what the address says. */
export interface ConnectionPurpose {
  /** How the server lists them, unless the address or PGAPPNAME says otherwise. */
  readonly applicationName?: string;
  readonly searchPath?: string;
}

/**
 * What every client of ours connects with: the address as `pg-connection-string` reads it (TLS modes and files, Unix
 * sockets, `options`, any other parameter), and the PG* variables for what it leaves out.
 * @throws FleetError CONFIG_INVALID: a file that it names cannot be read, or a parameter is wrong
 */
export function connectionOptions(url: string, purpose: ConnectionPurpose = {}): pg.ClientConfig {
  try {
    // A client that is not connected has worked out what the variables add. It hides what it was given of a key, so that it
    // gets a reading of its own.
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

/** `pg` tells TLS a name, and no address: a certificate for an address would be compared with `localhost`. */
function tlsOf(ssl: pg.ClientConfig['ssl'], host: string): NonNullable<pg.ClientConfig['ssl']> {
  if (ssl === undefined || ssl === false) return false;
  return { ...(typeof ssl === 'object' && ssl), ...(isIP(host) !== 0 && { host }) };
}

/** Where a database is, without its password. */
export function databasePlace(url: string): string {
  const { host = '', port, database } = connectionOptions(url);
  return `${host}${host.startsWith('/') ? '' : `:${port}`}/${database ?? ''}`;
}

const defined = <T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
