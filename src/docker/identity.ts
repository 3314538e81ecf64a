import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Machine } from '../pass/observe.ts';

/** systemd's, and D-Bus's before it. @see machine-id(5), which asks that the id itself is told to nobody */
const files = ['/etc/machine-id', '/var/lib/dbus/machine-id'];

/**
 * What tells this machine from others: a hash of its machine id, else of its Docker engine's id.
 * @param engineId rejects while the engine does not answer: then the machine cannot be told
 */
export function thisMachine(engineId: () => Promise<string>): Machine {
  let known: Promise<string | null> | null = null;
  const find = async (): Promise<string | null> => {
    for (const file of files) {
      const id = (await readFile(file, 'utf8').catch(() => '')).trim();
      // An image may carry an empty one, or the word `uninitialized`.
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
