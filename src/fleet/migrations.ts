import { FleetError } from '../lib/errors.ts';

/** The record of migrations of a database, compared with the migrations of this version. */
export interface MigrationRecord {
  /** Migrations of this version that did not run yet. */
  readonly pending: readonly string[];
  /** Migrations that ran and that this version does not know: a newer version has migrated the database. */
  readonly newer: readonly string[];
}

/** @param known the migrations of this version @param ran those that ran */
export const compareMigrations = (known: readonly string[], ran: readonly string[]): MigrationRecord => ({
  pending: known.filter((name) => !ran.includes(name)),
  newer: ran.filter((name) => !known.includes(name)),
});

/**
 * Whether a newer version has migrated the database. Migrations are additive, so this version works with it.
 * @throws FleetError SCHEMA_MISSING if it also lacks migrations of this version
 */
export function isOfNewerVersion({ pending, newer }: MigrationRecord): boolean {
  if (newer.length === 0) return false;
  if (pending.length === 0) return true;
  throw new FleetError(
    'SCHEMA_MISSING',
    `The database has migrations that this version does not know (${newer.join(', ')}), and lacks ${pending.join(', ')}`,
    { advice: 'Nothing was changed. Run `decnet-fleet migrate` with the newest version' },
  );
}
