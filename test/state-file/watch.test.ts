import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { stateFileReader } from '../../src/state-file/read.ts';
import { watchStateFile } from '../../src/state-file/watch.ts';
import type { Trigger } from '../../src/worker/triggers.ts';
import { declaredDecky } from '../harness/host.ts';
import { waitFor } from '../harness/wait.ts';

test('a state file whose directory is removed and made again is noticed, again and again', async () => {
  const above = mkdtempSync(join(tmpdir(), 'decnet-fleet-watch-'));
  const directory = join(above, 'decnet');
  const file = join(directory, 'decnet-state.json');
  const write = (...names: readonly string[]): void => {
    mkdirSync(directory, { recursive: true });
    writeFileSync(file, JSON.stringify({ config: { deckies: names.map((name) => declaredDecky(name)) } }));
  };
  write('web');
  const triggers: Trigger[] = [];
  const watching = watchStateFile(stateFileReader(file, 'local')).start(
    (trigger) => void triggers.push(trigger),
    () => undefined,
  );
  try {
    await watching.ready;
    const heard = (name: string): boolean =>
      triggers.some((trigger) => trigger.kind === 'deckies' && trigger.names.has(name));
    write('web', 'first');
    await waitFor(() => heard('first'));
    for (const name of ['second', 'third']) {
      rmSync(directory, { recursive: true });
      // At once: most file systems give the new directory the number of the old one.
      write('web', name);
      await waitFor(() => heard(name));
      write('web', `${name}-more`);
      await waitFor(() => heard(`${name}-more`));
    }
    assert.ok(triggers.every(({ kind }) => kind === 'deckies' || kind === 'everything'));
  } finally {
    await watching.close();
    rmSync(above, { recursive: true, force: true });
  }
});

test('a text that only a pass saw is checked again, though the watcher never read it', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-watch-'));
  const file = join(directory, 'decnet-state.json');
  const write = (...names: string[]): void =>
    writeFileSync(file, JSON.stringify({ config: { deckies: names.map((name) => declaredDecky(name)) } }));
  write('web');
  const reader = stateFileReader(file, 'local');
  const triggered = new Set<string>();
  const watching = watchStateFile(reader).start(
    (trigger) => {
      if (trigger.kind === 'deckies') for (const name of trigger.names) triggered.add(name);
    },
    (error) => assert.fail(String(error)),
  );
  await watching.ready;
  try {
    for (const name of ['mail', 'files', 'print']) {
      write('web', name);
      await reader.read();
      write('web');
      await waitFor(() => triggered.has(name));
    }
  } finally {
    await watching.close();
    rmSync(directory, { recursive: true });
  }
});

/** A directory, its state file, and what a watcher of it has reported. */
async function watched(
  t: TestContext,
  work: (stage: Stage) => Promise<void>,
  path = 'decnet-state.json',
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-watch-'));
  const triggered = new Set<string>();
  const faults: string[] = [];
  const at = (name: string): string => join(directory, name);
  const write = (name: string, ...deckies: readonly string[]): void =>
    writeFileSync(
      at(name),
      JSON.stringify({ config: { deckies: deckies.map((decky) => declaredDecky(decky)) } }),
    );
  const undo = [(): void => rmSync(directory, { recursive: true, force: true })];
  t.after(() => {
    for (const one of undo.reverse()) one();
  });
  await work({
    at,
    write,
    faults,
    later: (one) => void undo.push(one),
    watching: async (during) => {
      const watching = watchStateFile(stateFileReader(at(path), 'local')).start(
        (trigger) => {
          if (trigger.kind === 'deckies') for (const name of trigger.names) triggered.add(name);
        },
        (error) => void faults.push(String(error)),
      );
      try {
        await watching.ready;
        await during((name) => waitFor(() => triggered.has(name)));
      } finally {
        await watching.close();
      }
    },
  });
}

interface Stage {
  at(name: string): string;
  write(name: string, ...deckies: readonly string[]): void;
  readonly faults: readonly string[];
  /** Done at the end, the last one first. */
  later(undo: () => void): void;
  watching(during: (heard: (name: string) => Promise<void>) => Promise<void>): Promise<void>;
}

/** So many changes one after the other take far longer than a test may if each waits for the next check. */
const changes = Array.from({ length: 60 }, (_, at) => `decky-${at}`);

const manyTimes = { timeout: 60_000 };

test('what a link leads to is watched: written in place, and replaced', manyTimes, (t) =>
  watched(t, async ({ at, write, watching, faults }) => {
    mkdirSync(at('elsewhere'));
    write('elsewhere/state', 'web');
    symlinkSync('elsewhere/state', at('link'));
    symlinkSync(at('link'), at('decnet-state.json'));
    await watching(async (heard) => {
      for (const [index, name] of changes.entries()) {
        const isOverwritten = index % 2 === 0;
        write(isOverwritten ? 'elsewhere/state' : 'elsewhere/new', 'web', name);
        if (!isOverwritten) renameSync(at('elsewhere/new'), at('elsewhere/state'));
        await heard(name);
      }
    });
    assert.deepEqual(faults, []);
  }),
);

test('a link on the way that leads elsewhere is noticed: the way Kubernetes mounts files', manyTimes, (t) =>
  watched(t, async ({ at, write, watching, faults }) => {
    const swap = (to: string, ...deckies: readonly string[]): void => {
      mkdirSync(at(to));
      write(`${to}/decnet-state.json`, ...deckies);
      symlinkSync(to, at('..data_tmp'));
      renameSync(at('..data_tmp'), at('..data'));
    };
    swap('..2026_start', 'web');
    symlinkSync('..data/decnet-state.json', at('decnet-state.json'));
    await watching(async (heard) => {
      let before = '..2026_start';
      for (const name of changes) {
        const next = `..2026_${name}`;
        swap(next, 'web', name);
        rmSync(at(before), { recursive: true });
        await heard(name);
        before = next;
      }
    });
    assert.deepEqual(faults, []);
  }),
);

test('a directory on the way that is a link is watched where it stands', manyTimes, (t) =>
  watched(
    t,
    async ({ at, write, watching }) => {
      mkdirSync(at('start'));
      write('start/decnet-state.json', 'web');
      symlinkSync('start', at('current'));
      await watching(async (heard) => {
        for (const name of changes) {
          mkdirSync(at(name));
          write(`${name}/decnet-state.json`, 'web', name);
          rmSync(at('current'));
          symlinkSync(name, at('current'));
          await heard(name);
        }
      });
    },
    join('current', 'decnet-state.json'),
  ),
);

const isRoot = process.getuid?.() === 0;

test(
  'a bind-mounted file is noticed when its source is written',
  { ...manyTimes, skip: !isRoot && 'only root may mount' },
  (t) =>
    watched(t, async ({ at, write, watching, faults, later }) => {
      mkdirSync(at('outside'));
      write('outside/state', 'web');
      writeFileSync(at('decnet-state.json'), '');
      const mount = (): void =>
        void execFileSync('mount', ['--bind', at('outside/state'), at('decnet-state.json')]);
      // Also while somebody reads it.
      const unmount = (): void => void execFileSync('umount', ['--lazy', at('decnet-state.json')]);
      mount();
      later(unmount);
      await watching(async (heard) => {
        for (const name of changes) {
          write('outside/state', 'web', name);
          await heard(name);
        }
        assert.deepEqual(faults, []);
        // Replaced there, it stays what it was here: nothing but a word can help.
        write('outside/new', 'web', 'never-seen');
        renameSync(at('outside/new'), at('outside/state'));
        await waitFor(() =>
          faults.some((fault) => /is mounted as a single file, and its source was replaced/.test(fault)),
        );
        unmount();
        mount();
        await heard('never-seen');
      });
    }),
);
