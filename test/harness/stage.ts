import { type Env, type Running, start } from './cli.ts';
import { type TestEngine, testEngine } from './docker.ts';
import { declaredDecky, type TestHost, testHost } from './host.ts';
import { type StoreKind, type TestStore, testStore } from './stores.ts';

/** The whole product as a user runs it: `up` on a real engine, with its dashboard. */
export interface Stage {
  readonly store: TestStore;
  readonly engine: TestEngine;
  readonly host: TestHost;
  readonly up: Running;
  /** The address of its dashboard. */
  readonly url: string;
  readonly env: Env;
  close(): Promise<void>;
}

/** The deckies of the stage with their services. */
export const cast: Readonly<Record<string, readonly string[]>> = {
  'web-01': ['http', 'https'],
  'web-02': ['http', 'ssh'],
  'mail-01': ['smtp', 'imap'],
  'files-01': ['smb'],
  'db-01': ['mysql', 'redis'],
  'printer-01': ['snmp'],
};

export async function openStage(kind: StoreKind, more: Env = {}): Promise<Stage> {
  const [store, engine] = await Promise.all([testStore(kind), testEngine()]);
  const host = testHost();
  for (const [name, services] of Object.entries(cast)) await engine.makeDecky(name, services);
  host.write(
    Object.entries(cast).map(([name, services], at) =>
      declaredDecky(name, services, {
        ip: `192.0.2.${11 + at}`,
        distro: 'debian',
        service_config: { [services[0] ?? '']: { banner: 'hello', password: 'correct-horse' } },
      }),
    ),
  );
  const env = host.env({
    ...store.env,
    DOCKER_HOST: engine.host,
    DECNET_HOST_UUID: 'host-a',
    DECNET_BUS_ENABLED: 'false',
    ...more,
  });
  const up = start(['up'], env);
  const close = async (): Promise<void> => {
    up.child.kill();
    await up.finished;
    await engine.stop();
    await store.drop();
    host.remove();
  };
  try {
    const said = await up.said(/dashboard +http:\/\/\S+[\s\S]*first pass[^\n]*\n/);
    const url = /dashboard +(http:\/\/[^\s]+)/.exec(said)?.[1] ?? '';
    return { store, engine, host, up, url, env, close };
  } catch (error) {
    await close();
    throw error;
  }
}
