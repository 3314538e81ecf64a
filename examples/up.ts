import { spawn } from 'node:child_process';
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../src/lib/package.ts';

/** A directory for a demo's state file and database. */
export async function demoDirectory(): Promise<{ directory: string; stateFile: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'decnet-fleet-demo-'));
  // As root, PostgreSQL runs as another user, which needs access.
  await chmod(directory, 0o755);
  return { directory, stateFile: join(directory, 'decnet-state.json') };
}

/**
 * Runs `up` with a separate database until Ctrl-C; the terminal sends it to both.
 * @param more of its environment
 * @returns its exit code
 */
export async function up(
  stateFile: string,
  directory: string,
  more: Readonly<Record<string, string>>,
): Promise<number> {
  const child = spawn(process.execPath, [join(packageRoot, 'src/cli/bin.ts'), 'up'], {
    stdio: 'inherit',
    env: {
      ...process.env,
      // Not the settings of an installation on this machine.
      DECNET_FLEET_CONFIG: '/dev/null',
      DATABASE_URL: '',
      REDIS_URL: '',
      DECNET_STATE_FILE: stateFile,
      DECNET_DATA_DIR: join(directory, 'data'),
      DECNET_HOST_UUID: 'demo',
      ...more,
    },
  });
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((done) => child.once('exit', (found) => done(found ?? 1)));
}
