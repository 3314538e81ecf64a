import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { stateFileReader } from '../../src/state-file/read.ts';
import { fixture } from '../harness/pass.ts';

const whole = fixture('unihost-3.decnet-state.json');

describe('reading the state file', () => {
  let directory: string;
  let path: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-file-'));
    path = join(directory, 'decnet-state.json');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const read = () => stateFileReader(path, 'local').read();
  const why = async (): Promise<string> => {
    const found = await read();
    return found.kind === 'invalid' ? found.error.message : found.kind;
  };

  test('a missing file in a directory that exists is a fleet torn down', async () => {
    assert.deepEqual(await read(), { kind: 'absent' });
  });

  test('a missing directory is a fault', async () => {
    rmSync(directory, { recursive: true });
    assert.match(await why(), /its directory .* does not exist/);
  });

  test('a missing directory behind a link is a fault, too: a disk that is not mounted', async () => {
    const disk = join(directory, 'disk');
    for (const [name, target] of [
      ['file', join(disk, 'decnet', 'state.json')],
      ['decnet', join(disk, 'decnet')],
    ] as const) {
      rmSync(disk, { recursive: true, force: true });
      const link = join(directory, name);
      symlinkSync(target, link);
      path = name === 'file' ? link : join(link, 'state.json');
      assert.match(await why(), new RegExp(`its directory ${disk} does not exist`));
      mkdirSync(disk);
      assert.match(await why(), new RegExp(`its directory ${disk}/decnet does not exist`));
      mkdirSync(join(disk, 'decnet'));
      assert.equal(await why(), 'absent');
      writeFileSync(join(disk, 'decnet', 'state.json'), whole);
      assert.equal(await why(), 'declared');
    }
  });

  test('a directory that is taken away and put back with its file is no fleet torn down, at any moment', async () => {
    writeFileSync(path, whole);
    const swap = `const { renameSync } = require('node:fs');
      for (;;) { renameSync(process.argv[1], process.argv[1] + '.away'); renameSync(process.argv[1] + '.away', process.argv[1]); }`;
    const child = spawn(process.execPath, ['-e', swap, directory]);
    try {
      await once(child, 'spawn');
      const kinds = new Map<string, number>();
      for (let reads = 0; reads < 3000; reads += 1) {
        const { kind } = await read();
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      }
      assert.equal(kinds.get('absent'), undefined, JSON.stringify([...kinds]));
      assert.ok((kinds.get('invalid') ?? 0) > 0, 'the directory was never away');
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
      rmSync(`${directory}.away`, { recursive: true, force: true });
    }
  });

  test('a half-written file is read again until it is whole', async () => {
    writeFileSync(path, whole.slice(0, 500));
    setTimeout(() => writeFileSync(path, whole), 200);
    assert.equal(await why(), 'declared');
  });

  test('a file that stays half-written is a fault', async () => {
    writeFileSync(path, whole.slice(0, 500));
    assert.match(await why(), /not complete JSON/);
  });

  test('a byte order mark before it is no fault', async () => {
    writeFileSync(path, `\uFEFF${whole}`);
    assert.equal(await why(), 'declared');
  });

  test('a file of nothing but blanks is empty, however long it is', async () => {
    writeFileSync(path, ' \n'.repeat(5 * 1024 * 1024));
    assert.match(await why(), /is empty/);
  });

  test('a busy writer is survived', async () => {
    writeFileSync(path, whole);
    // On a slow machine, too, the file is whole for most of the time: an interval would catch up with what it has missed.
    let isBusy = true;
    const writing = (async () => {
      while (isBusy) {
        writeFileSync(path, whole.slice(0, 700));
        await new Promise((done) => setImmediate(done));
        writeFileSync(path, whole);
        await sleep(5);
      }
    })();
    try {
      for (let times = 0; times < 40; times++) assert.equal(await why(), 'declared');
    } finally {
      isBusy = false;
      await writing;
    }
  });

  test('what is no regular file is a fault, and hangs nobody', async () => {
    mkdirSync(path);
    assert.match(await why(), /not a regular file/);
    rmSync(path, { recursive: true });
    execFileSync('mkfifo', [path]);
    assert.match(await why(), /not a regular file/);
  });

  test('a file over 64 MiB is a fault', async () => {
    writeFileSync(path, Buffer.alloc(64 * 1024 * 1024 + 1, ' '));
    assert.match(await why(), /larger than 64 MiB/);
  });

  test('50 MB of nonsense is a fault', async () => {
    writeFileSync(path, Buffer.alloc(50_000_000, 'x'));
    assert.match(await why(), /not JSON/);
  });

  test('a change is seen, whatever was kept of the file before', async () => {
    const reader = stateFileReader(path, 'local');
    const count = async (): Promise<number | string> => {
      const found = await reader.read();
      return found.kind === 'declared' ? found.deckies.size : found.kind;
    };
    writeFileSync(path, whole);
    assert.equal(await count(), 3);
    for (const names of [['a'], ['b', 'c'], ['d']]) {
      const deckies = names.map((name) => ({ name, ip: '192.0.2.1', services: ['ssh'] }));
      writeFileSync(path, JSON.stringify({ config: { deckies } }));
      assert.equal(await count(), names.length);
    }
    rmSync(path);
    assert.equal(await count(), 'absent');
  });
});
