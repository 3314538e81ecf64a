import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Env } from './cli.ts';

/** The directory of one machine: its state file, and the environment of its commands. */
export interface TestHost {
  readonly directory: string;
  readonly stateFile: string;
  write(deckies: readonly object[]): void;
  writeText(content: string): void;
  remove(): void;
  env(more: Env): Env;
}

export function testHost(): TestHost {
  const directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-host-'));
  const stateFile = join(directory, 'decnet-state.json');
  const writeText = (content: string): void => writeFileSync(stateFile, content);
  return {
    directory,
    stateFile,
    writeText,
    write: (deckies) =>
      writeText(JSON.stringify({ config: { mode: 'unihost', deckies }, compose_path: 'x' })),
    remove: () => rmSync(directory, { recursive: true, force: true }),
    env: (more) => ({ DECNET_STATE_FILE: stateFile, DECNET_DATA_DIR: join(directory, 'data'), ...more }),
  };
}

/** A decky as DECNET writes it, with the fields that the tests need. */
export const declaredDecky = (
  name: string,
  services: readonly string[] = ['ssh'],
  more: object = {},
): object => ({
  name,
  ip: '192.0.2.7',
  services,
  service_config: {},
  host_uuid: null,
  ...more,
});
