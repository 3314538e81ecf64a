import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Binaries } from '../../src/embedded-postgres/cluster.ts';

/** The programs of PostgreSQL 17, an older major version than the embedded one. */
export async function olderPostgres(): Promise<Binaries> {
  const from = createRequire(fileURLToPath(import.meta.resolve('embedded-postgres-17')));
  return (await import(from.resolve(`@embedded-postgres/${process.platform}-${process.arch}`))) as Binaries;
}
