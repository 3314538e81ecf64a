import { after } from 'node:test';
import type { Env } from './cli.ts';
import { type TestHost, testHost } from './host.ts';
import { type TestStore, testStore } from './stores.ts';

export interface HostWithStore {
  readonly store: TestStore;
  readonly host: TestHost;
  readonly env: Env;
}

/**
 * A host without Docker, and its store. Both are removed after the suite that called this.
 * @param more of the environment
 */
export async function hostWithStore(more: Env = {}): Promise<HostWithStore> {
  const store = await testStore('postgres');
  const host = testHost();
  after(async () => {
    host.remove();
    await store.drop();
  });
  const env = host.env({ ...store.env, DOCKER_HOST: 'unix:///nonexistent/docker.sock', ...more });
  return { store, host, env };
}
