import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { embeddedExists } from '../../src/embedded-postgres/cluster.ts';
import { openEmbedded } from '../../src/embedded-postgres/embedded.ts';
import type { Env } from './cli.ts';
import { databaseDirectory } from './fast-directory.ts';
import { jsonHere } from './run-here.ts';
import { copyCluster } from './services.ts';

/** A machine's directory whose commands have an embedded database of their own. */
export interface DataDirectory {
  readonly directory: string;
  readonly env: Env;
  /** PostgreSQL's own, within the data directory. */
  readonly data: string;
  /** Of the server. */
  readonly pidFile: string;
  /** The server's process. */
  pid(): number;
  isStopped(): boolean;
  /** Of the deckies, by the status. */
  names(): Promise<readonly string[]>;
  /** @returns the file's path */
  writeStateFile(...deckies: string[]): string;
}

interface StatusJson {
  readonly hosts: readonly { readonly deckies: readonly { readonly name: string }[] }[];
}

/**
 * Copies the run's database, which is stopped and has no tables, into a location that does not exist yet. Outside a run of
 * tests there is none to copy, and the product makes it.
 */
export async function copyDatabase(dataDir: string): Promise<void> {
  const from = process.env.TEST_CLUSTER;
  if (from !== undefined) await copyCluster(from, dataDir);
}

/** A test with an embedded database of its own; `none`: the product has to make it. */
export const inDataDirectory =
  (body: (made: DataDirectory) => Promise<void>, database: 'made' | 'none' = 'made') =>
  async (): Promise<void> => {
    const directory = mkdtempSync(join(databaseDirectory(), 'decnet-fleet-embedded-'));
    chmodSync(directory, 0o755);
    const dataDir = join(directory, 'data');
    const env = { DECNET_DATA_DIR: dataDir, DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
    const data = join(dataDir, 'postgres', 'data');
    const pidFile = join(data, 'postmaster.pid');
    if (database === 'made') await copyDatabase(dataDir);
    try {
      await body({
        directory,
        env,
        data,
        pidFile,
        pid: () => Number(readFileSync(pidFile, 'utf8').split('\n')[0]),
        isStopped: () => !existsSync(pidFile),
        names: async () =>
          (await jsonHere<StatusJson>(['status', '--json'], env)).hosts.flatMap(({ deckies }) =>
            deckies.map(({ name }) => name),
          ),
        writeStateFile: (...deckies) => {
          const file = join(directory, 'decnet-state.json');
          const content = deckies.map((name) => ({ name, ip: '192.0.2.1', services: ['ssh'] }));
          writeFileSync(file, JSON.stringify({ config: { deckies: content } }));
          return file;
        },
      });
    } finally {
      // Whatever a test left running: one command in and out stops it.
      if (embeddedExists(dataDir)) await (await openEmbedded(dataDir)).close();
      rmSync(directory, { recursive: true, force: true });
    }
  };
