import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Env } from '../harness/cli.ts';
import { type WalkEngine, walkEngine } from './engine.ts';
import type { ForeignWrite, HostFacts } from './judge.ts';
import type { Container, Declared, StateFile } from './model.ts';
import { type Timeline, timeline } from './timeline.ts';

/** The deckies of each host. Containers of `files` are unlabelled, as in older deployments. */
export const deckyNames = ['web', 'mail', 'files', 'print.7', 'phone-2'] as const;
export const serviceNames = ['ssh', 'http', 'smtp_relay', 'sniffer'] as const;
const unlabelled = 'files';

/** One host of the walk: its file, its engine, and their history. */
export interface WalkHost {
  readonly name: string;
  readonly intervalSeconds: number;
  readonly engine: WalkEngine;
  readonly file: Timeline<StateFile>;
  readonly facts: HostFacts;
  readonly env: Env;
  /** Whether other programs write its rows. */
  readonly hasOtherWriters: boolean;
  declare(deckies: Declared, way: 'in place' | 'by rename'): void;
  breakFile(content: string): void;
  removeFile(): void;
  removeDirectory(): void;
  container(decky: string, service: string | null): Container;
  wroteForeign(name: string, write: ForeignWrite): void;
  remove(): Promise<void>;
}

export async function walkHost(options: {
  name: string;
  intervalSeconds: number;
  graceSeconds: number;
  aheadMs: number;
  hasOtherWriters: boolean;
  env: Env;
}): Promise<WalkHost> {
  const engine = await walkEngine(options.aheadMs);
  const root = mkdtempSync(join(tmpdir(), 'decnet-fleet-walk-'));
  const directory = join(root, 'decnet');
  const path = join(directory, 'decnet-state.json');
  const file = timeline<StateFile>({ kind: 'invalid' });
  const services = new Map<string, readonly (readonly string[])[]>();
  const foreign = new Map<string, ForeignWrite[]>();
  const remember = (name: string, list: readonly string[]): void => {
    const known = services.get(name) ?? [];
    if (!known.some((one) => one.join() === list.join())) services.set(name, [...known, list]);
  };
  for (const name of deckyNames) remember(name, ['ssh']);
  // Together with its file in one step: the model does not know directories without a file.
  const makeDirectory = (content: string): void => {
    const made = join(root, 'made');
    mkdirSync(made);
    writeFileSync(join(made, 'decnet-state.json'), content);
    renameSync(made, directory);
  };

  return {
    ...options,
    engine,
    file,
    facts: { file, containers: engine.containers, services, foreign, graceMs: options.graceSeconds * 1000 },
    env: {
      ...options.env,
      DECNET_STATE_FILE: path,
      DECNET_DATA_DIR: join(root, 'data'),
      DECNET_HOST_UUID: options.name,
      DECNET_INTERVAL: String(options.intervalSeconds),
      DECNET_GRACE: String(options.graceSeconds),
      DECNET_ROLLOUT: '0',
      DOCKER_HOST: engine.host,
    },
    declare: (deckies, way) => {
      const text = stateFileText(deckies);
      for (const [name, list] of deckies) remember(name, list);
      if (!existsSync(directory)) makeDirectory(text);
      else if (way === 'in place') writeFileSync(path, text);
      else {
        writeFileSync(`${path}.new`, text);
        renameSync(`${path}.new`, path);
      }
      file.set({ kind: 'declares', deckies });
    },
    breakFile: (content) => {
      if (existsSync(directory)) writeFileSync(path, content);
      else makeDirectory(content);
      file.set({ kind: 'invalid' });
    },
    removeFile: () => {
      mkdirSync(directory, { recursive: true });
      rmSync(path, { force: true });
      file.set({ kind: 'absent' });
    },
    removeDirectory: () => {
      const gone = join(root, 'gone');
      if (existsSync(directory)) renameSync(directory, gone);
      file.set({ kind: 'invalid' });
      rmSync(gone, { recursive: true, force: true });
    },
    container: (decky, service) => ({
      name:
        service === null
          ? decky
          : `${decky}-${service === 'smtp_relay' ? service : service.replaceAll('_', '-')}`,
      decky: service === null || decky === unlabelled ? null : decky,
      service: service === null || decky === unlabelled ? null : service,
      status: 'running',
      unhealthy: false,
      exitCode: 0,
      restarts: 0,
      createdAt: Date.now(),
      startedAt: Date.now(),
    }),
    wroteForeign: (name, write) => {
      foreign.set(name, [...(foreign.get(name) ?? []).slice(-50), write]);
    },
    remove: async () => {
      await engine.stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

export const stateFileText = (deckies: Declared): string =>
  JSON.stringify({
    config: {
      mode: 'unihost',
      deckies: [...deckies].map(([name, services]) => ({
        name,
        ip: '192.0.2.7',
        services,
        service_config: {},
        host_uuid: null,
      })),
    },
    compose_path: 'x',
  });
