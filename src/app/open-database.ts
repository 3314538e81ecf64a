import type { Database } from '../database/database.ts';
import type { EmbeddedDatabase } from '../embedded-postgres/embedded.ts';
import type { Log } from '../lib/log.ts';
import { once } from '../lib/once.ts';
import type { CloseList } from './close-list.ts';
import { type Config, dataDirOf, rootDataDir } from './config.ts';

/**
 * The time limit for a connection to the embedded database. It runs on this machine, and often has just started: on a busy disk
 * it answers late, but it answers.
 */
const embeddedConnectsWithinMs = 30_000;

/** The database of a process: the configured one, or the embedded one, which is started on first use. */
export interface DatabaseAccess {
  url(): Promise<string>;
  database(): Promise<Database>;
  /** The database without the migrations that `database` runs if it is embedded. */
  databaseAsItIs(): Promise<Database>;
}

export function databaseAccess(config: Config, log: Log, { closing }: CloseList): DatabaseAccess {
  const embedded = once(async () => closing(await startEmbedded(config, log)));
  const url = async (): Promise<string> => config.databaseUrl ?? (await embedded()).url;
  const databaseAsItIs = once(async () => {
    const address = await url();
    const { openDatabase } = await import('../database/orm.ts');
    const limits = config.databaseUrl === null ? { connectWithinMs: embeddedConnectsWithinMs } : {};
    return closing(await openDatabase(address, limits));
  });
  const database = once(async () => {
    const opened = await databaseAsItIs();
    // No other program uses the embedded database, so it is always migrated to this version.
    if (config.databaseUrl === null) await opened.migrate();
    return opened;
  });
  return { url, database, databaseAsItIs };
}

async function startEmbedded(config: Config, log: Log): Promise<EmbeddedDatabase> {
  const dataDir = dataDirOf(config);
  const [{ openEmbedded }, { embeddedExists }] = await Promise.all([
    import('../embedded-postgres/embedded.ts'),
    import('../embedded-postgres/cluster.ts'),
  ]);
  if (config.usesUsualDataDir && !embeddedExists(dataDir) && embeddedExists(rootDataDir)) {
    log.warn(
      { here: dataDir, roots: rootDataDir },
      "this user has no database yet, but root has one; root's fleet is not shown here",
    );
  }
  return openEmbedded(dataDir);
}
