import { dirname } from 'node:path';
import { FleetError, reasonOf } from '../lib/errors.ts';
import { lockedAdvice, schemaAdvice, tableFault } from './faults.ts';

/** SQLite's primary result codes. The extended ones have them in their lowest byte. */
const resultCode = (error: unknown): number | null =>
  error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
    ? error.errcode & 0xff
    : null;

/** SQLITE_BUSY, SQLITE_LOCKED, SQLITE_PROTOCOL: another program holds a lock. */
export const isBusy = (error: unknown): boolean => [5, 6, 15].includes(resultCode(error) ?? 0);

/** By result code: what is wrong, and what to do. */
const faults: Readonly<Record<number, (file: string) => readonly [what: string, advice: string]>> = {
  5: () => ['is locked by another program', lockedAdvice],
  6: () => ['is locked by another program', lockedAdvice],
  8: (file) => [
    'cannot be written: the file or its directory is read-only',
    `Make ${file} and ${dirname(file)} writable for this process`,
  ],
  10: () => ['cannot be read or written: the disk reports an error', 'Check the disk and its free space'],
  11: () => [
    'is damaged',
    "Nothing was written. Run `sqlite3 FILE 'pragma integrity_check'`, and restore the file from a backup",
  ],
  13: () => ['cannot be written: the disk is full', 'Free some space; it is tried again with the next pass'],
  14: (file) => [
    'cannot be opened',
    `Check that this process may write to ${dirname(file)}: SQLite needs files beside the database`,
  ],
  15: () => ['is locked by another program', lockedAdvice],
  19: () => ['refuses a value', 'Nothing was written of this part'],
  23: () => ['cannot be opened: access is denied', 'Check the permissions of the file and its directory'],
  26: () => ['is not an SQLite database', schemaAdvice],
};

/** An error of SQLite as an error for users. */
export function sqliteFault(error: unknown, file: string): FleetError {
  if (error instanceof FleetError) return error;
  const said = reasonOf(error);
  if (/^no such (table|column)|has no column named/.test(said)) {
    return tableFault(file, `does not have the schema that DECNET makes: ${said}`, schemaAdvice, error);
  }
  const fault = faults[resultCode(error) ?? 0]?.(file);
  if (fault === undefined) return tableFault(file, `cannot be used: ${said}`, undefined, error);
  const [what, advice] = fault;
  return tableFault(file, `${what} (${said})`, advice, error);
}
