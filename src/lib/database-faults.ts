import { codeOf, FleetError, reasonOf } from './errors.ts';

const schemaFaults: ReadonlySet<string> = new Set(['42P01', '42703', '3F000']);
/** A statement that waited for a lock, or ran, for too long. */
const timeLimitFaults: ReadonlySet<string> = new Set(['55P03', '57014']);
const loginFaults: ReadonlySet<string> = new Set(['28000', '28P01', '3D000']);

/** Converts an error with which the database refused a request into an error for users; null: another kind of error. */
export function databaseRefusal(error: unknown, location: string): FleetError | null {
  const code = codeOf(error);
  const said = innermost(error);
  if (code !== null && loginFaults.has(code)) {
    return new FleetError(
      'DATABASE_UNREACHABLE',
      `The database ${location} refuses the connection: ${said}`,
      {
        advice: 'Check DATABASE_URL',
        cause: error,
      },
    );
  }
  if (code === '25006') {
    return new FleetError('DATABASE_UNREACHABLE', `The database ${location} is read-only: ${said}`, {
      advice: 'It is a standby or set to read-only: point DATABASE_URL at the primary',
      cause: error,
    });
  }
  if (code === '22P05' || code === '22021') {
    return new FleetError('VALUE_REFUSED', `The database ${location} refuses a character: ${said}`, {
      advice:
        "Nothing was written. The encoding must be UTF8: create database NAME encoding 'UTF8' template template0",
      cause: error,
    });
  }
  if (code === '42501' && /for (schema|database)/.test(said)) {
    return new FleetError('NOT_PERMITTED', `The database ${location} refuses: ${said}`, {
      advice:
        'Allow the role to create tables: as the owner of the database, run `grant create on schema public to ROLE`, and for queues in PostgreSQL also `grant create on database NAME to ROLE`',
      cause: error,
    });
  }
  if (code === '42501') {
    return new FleetError('NOT_PERMITTED', `The database ${location} refuses: ${said}`, {
      advice:
        'A role can access only what it was granted: on the master, `decnet-fleet grant --host H` prints a role for a host, and `decnet-fleet grant --master ROLE` lets a role see all hosts',
      cause: error,
    });
  }
  if (code === '23514') {
    return new FleetError('VALUE_REFUSED', `The database ${location} refuses a value: ${said}`, {
      advice: 'Nothing was written. The constraint is named after the table and the column',
      cause: error,
    });
  }
  return null;
}

/** The error for a database that was never migrated, or has the schema of an older version. */
export const schemaMissing = (location: string, cause?: unknown): FleetError =>
  new FleetError('SCHEMA_MISSING', `The database ${location} does not have the tables of this version`, {
    advice: 'Run `decnet-fleet migrate`',
    cause,
  });

/** Converts the error of a failed query into an error for users. @returns a FleetError, or the error itself if it is not a database error */
export function databaseFault(error: unknown, location: string): unknown {
  if (error instanceof FleetError) return error;
  const refusal = databaseRefusal(error, location);
  if (refusal !== null) return refusal;
  const code = codeOf(error);
  if (code !== null && schemaFaults.has(code)) {
    return schemaMissing(location, error);
  }
  if (isTlsFault(error, code)) {
    return new FleetError(
      'DATABASE_UNREACHABLE',
      `The database ${location} cannot be reached with TLS: ${innermost(error)}`,
      {
        advice: 'Check sslmode and sslrootcert in DATABASE_URL, and the certificate of the server',
        cause: error,
      },
    );
  }
  if (code !== null && timeLimitFaults.has(code)) {
    return new FleetError(
      'DATABASE_UNREACHABLE',
      `The database ${location} did not answer in time: ${innermost(error)}`,
      {
        advice: 'It may be busy, or another session may hold locks: see pg_stat_activity and pg_locks',
        cause: error,
      },
    );
  }
  if (isConnectionFault(error, code)) {
    return new FleetError(
      'DATABASE_UNREACHABLE',
      `The database ${location} does not answer: ${innermost(error)}`,
      {
        advice: 'Check DATABASE_URL and that PostgreSQL is running',
        cause: error,
      },
    );
  }
  return error;
}

/** Matches OpenSSL's codes for certificates, Node's codes for TLS, and a server without TLS. */
const isTlsFault = (error: unknown, code: string | null): boolean =>
  (code !== null && /CERT|SIGNATURE|^ERR_(TLS|SSL|OSSL)|^EPROTO$|ISSUER|^CRL_/.test(code)) ||
  /does not support SSL/.test(innermost(error));

/** 55000 can only mean that the database does not accept connections (`allow_connections`). */
const isConnectionFault = (error: unknown, code: string | null): boolean =>
  (code !== null &&
    (/^(ECONN|ENOTFOUND|EHOST|ENET|ETIMEDOUT|EPIPE|EAI_|ENOENT|EACCES)/.test(code) ||
      /^(08|57P|53|55000)/.test(code))) ||
  /timeout|terminated|Connection ended|not queryable/i.test(reasonOf(error));

/** pg-pool's message when connecting takes too long. Its cause only says that the pool then closed the connection. */
const connectedTooLate = 'Connection terminated due to connection timeout';

/** The database's own message: MikroORM adds the SQL statement before it. */
function innermost(error: unknown): string {
  let at: unknown = error;
  while (at instanceof Error && at.message !== connectedTooLate && at.cause instanceof Error) at = at.cause;
  return reasonOf(at);
}
