import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Machine } from '../pass/observe.ts';

/** The machine id of systemd, and of D-Bus. @see machine-id(5): the id itself must not be disclosed */
const files = ['/etc/machine-id', '/var/lib/dbus/machine-id'];

/**
 * The identity of this machine: a hash of its machine id, else of its Docker engine's id.
 * @param engineId rejects while the engine does not answer; the identity is then unknown (null)
 */
export function thisMachine(engineId: () => Promise<string>): Machine {
  let known: Promise<string | null> | null = null;
  const find = async (): Promise<string | null> => {
    for (const file of files) {
      const id = (await readFile(file, 'utf8').catch(() => '')).trim();
      // In an image the file may be empty or contain `uninitialized`.
      if (/^[0-9a-f]{32}$/i.test(id)) return `machine-${hash(id)}`;
    }
    const id = await engineId().catch(() => null);
    return id === null ? null : `engine-${hash(id)}`;
  };
  return {
    identity: async () => {
      known ??= find();
      const found = await known;
      if (found === null) known = null;
      return found;
    },
  };
}

const hash = (id: string): string =>
  createHash('sha256').update(`decnet-fleet ${id}`).digest('hex').slice(0, 16);
