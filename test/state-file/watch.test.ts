import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Hint } from '../../src/pass/triggers.ts';
import { stateFileReader } from '../../src/state-file/read.ts';
import { watchStateFile } from '../../src/state-file/watch.ts';
import { declaredDecky } from '../support/host.ts';
import { waitFor } from '../support/wait.ts';

test('a state file whose directory is removed and made again is noticed, again and again', async () => {
  const above = mkdtempSync(join(tmpdir(), 'decnet-fleet-watch-'));
  const directory = join(above, 'decnet');
  const file = join(directory, 'decnet-state.json');
  const write = (...names: readonly string[]): void => {
    mkdirSync(directory, { recursive: true });
    writeFileSync(file, JSON.stringify({ config: { deckies: names.map((name) => declaredDecky(name)) } }));
  };
  write('web');
  const hints: Hint[] = [];
  const watching = watchStateFile(stateFileReader(file, 'local')).start(
    (hint) => void hints.push(hint),
    () => undefined,
  );
  try {
    await watching.ready;
    const heard = (name: string): boolean =>
      hints.some((hint) => hint.kind === 'deckies' && hint.names.has(name));
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
    assert.ok(hints.every(({ kind }) => kind === 'deckies' || kind === 'everything'));
  } finally {
    await watching.close();
    rmSync(above, { recursive: true, force: true });
  }
});

test('a text that only a pass saw is looked at again, though the watcher never read it', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-watch-'));
  const file = join(directory, 'decnet-state.json');
  const write = (...names: string[]): void =>
    writeFileSync(file, JSON.stringify({ config: { deckies: names.map((name) => declaredDecky(name)) } }));
  write('web');
  const reader = stateFileReader(file, 'local');
  const told = new Set<string>();
  const watching = watchStateFile(reader).start(
    (hint) => {
      if (hint.kind === 'deckies') for (const name of hint.names) told.add(name);
    },
    (error) => assert.fail(String(error)),
  );
  await watching.ready;
  try {
    for (const name of ['mail', 'files', 'print']) {
      write('web', name);
      await reader.read();
      write('web');
      await waitFor(() => told.has(name));
    }
  } finally {
    await watching.close();
    rmSync(directory, { recursive: true });
  }
});
