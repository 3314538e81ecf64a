import { codeOf, FleetError, reasonOf } from '../lib/errors.ts';
import { lockedAdvice, schemaAdvice, tableFault } from './faults.ts';

const numberOf = (error: unknown): number =>
  error instanceof Error && 'errno' in error && typeof error.errno === 'number' ? error.errno : 0;

/** A lock is held by another program, or a deadlock was resolved: 1205, 1213, and 3572 for a statement that does not wait. */
export const isBusy = (error: unknown): boolean => [1205, 1213, 3572].includes(numberOf(error));

/** The connection ended: by a restart of the server, or because it was idle for long. */
export const isLost = (error: unknown): boolean =>
  /^(PROTOCOL_CONNECTION_LOST|ECONNRESET|EPIPE|ER_CLIENT_INTERACTION_TIMEOUT|ER_CONNECTION_KILLED|ER_SERVER_SHUTDOWN)$/.test(
    codeOf(error) ?? '',
  ) || /closed state|server has closed the connection/i.test(reasonOf(error));

interface Kind {
  readonly numbers: readonly number[];
  readonly what: string;
  readonly advice: string;
}

const kinds: readonly Kind[] = [
  {
    numbers: [1044, 1045, 1130, 1698],
    what: 'cannot be reached: the server refuses the login',
    advice: 'Check the user and the password in DECNET_DATABASE_URL',
  },
  {
    numbers: [1049],
    what: 'cannot be reached: there is no such database',
    advice: 'Check DECNET_DATABASE_URL',
  },
  { numbers: [1146, 1054], what: 'does not have the schema that DECNET makes', advice: schemaAdvice },
  {
    numbers: [1064],
    what: 'is on a server that is too old',
    advice: 'It needs MariaDB 10.6 or MySQL 8.0, or newer',
  },
  {
    numbers: [1142, 1143],
    what: 'refuses the user',
    advice: 'Grant it: `grant select, insert, update, delete on DATABASE.fleet_deckies to USER`',
  },
  {
    numbers: [1290, 1792, 1836],
    what: 'cannot be written: the server is read-only',
    advice: 'Use the primary server',
  },
  { numbers: [1205, 1213, 3572], what: 'is locked by another program', advice: lockedAdvice },
  {
    numbers: [1366, 1406, 1048, 1264, 1292, 3140],
    what: 'refuses a value',
    advice: 'Nothing was written of this part. The character set of the table should be utf8mb4',
  },
  {
    numbers: [1114, 1021, 3, 28],
    what: 'cannot be written: the disk of the server is full',
    advice: 'Free some space; it is tried again with the next pass',
  },
];

/** An error of the server or of its connection as an error for users. */
export function mysqlFault(error: unknown, location: string): FleetError {
  if (error instanceof FleetError) return error;
  const number = numberOf(error);
  const kind = kinds.find(({ numbers }) => numbers.includes(number));
  const said = reasonOf(error);
  if (kind !== undefined) return tableFault(location, `${kind.what} (${said})`, kind.advice, error);
  if (number > 1000) return tableFault(location, `cannot be used: ${said}`, undefined, error);
  return tableFault(
    location,
    `cannot be reached: ${said}`,
    'Check DECNET_DATABASE_URL and that the server is running',
    error,
  );
}
