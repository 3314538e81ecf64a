import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { writeWhole } from '../../src/cli/write-file.ts';
import { FleetError } from '../../src/lib/errors.ts';
import { cli } from '../harness/cli.ts';

const [nobody, somebody] = [65_534, 65_533];
const notRoot = process.getuid?.() !== 0 && 'only root can be other users';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-write-'));
  chmodSync(directory, 0o755);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const made = (name: string, mode: number, owner = 0): string => {
  const path = join(directory, name);
  mkdirSync(path);
  chownSync(path, owner, owner);
  chmodSync(path, mode);
  return path;
};
const linked = (path: string, target: string, owner = 0): string => {
  symlinkSync(target, path);
  lchownSync(path, owner, owner);
  return path;
};
const file = (path: string, content: string, owner = 0): string => {
  writeFileSync(path, content);
  chownSync(path, owner, owner);
  return path;
};

async function refused(path: string, words: RegExp, overwrite = true): Promise<void> {
  await assert.rejects(writeWhole(path, 'new', overwrite), (error) => {
    assert.ok(error instanceof FleetError, String(error));
    assert.equal(error.code, 'NOT_WRITTEN');
    assert.match(error.line, words);
    assert.doesNotMatch(error.line, /\n|\/proc\//);
    return true;
  });
}

/** Runs `work` as another user. */
async function as(user: number, work: () => Promise<void>): Promise<void> {
  process.seteuid?.(user);
  try {
    await work();
  } finally {
    process.seteuid?.(0);
  }
}

describe('a file is written atomically', () => {
  test('a dangling link is kept', async () => {
    const link = join(directory, 'link');
    symlinkSync('target', link);
    await writeWhole(link, 'new', false);
    assert.equal(readlinkSync(link), 'target');
    assert.equal(readFileSync(join(directory, 'target'), 'utf8'), 'new');
  });

  test('only one of several concurrent writers without --force succeeds', async () => {
    for (let round = 0; round < 20; round++) {
      const path = join(directory, `file-${round}`);
      const done = await Promise.allSettled(
        ['a', 'b', 'c', 'd'].map((text) => writeWhole(path, text, false)),
      );
      const winners = done.flatMap(({ status }, at) => (status === 'fulfilled' ? ['abcd'[at]] : []));
      assert.equal(winners.length, 1);
      assert.equal(readFileSync(path, 'utf8'), winners[0]);
      for (const one of done)
        if (one.status === 'rejected') assert.match(String(one.reason), /already exists/);
    }
    assert.equal(readdirSync(directory).length, 20);
  });

  test('links in a circle', () => {
    symlinkSync('b', join(directory, 'a'));
    symlinkSync('a', join(directory, 'b'));
    return refused(join(directory, 'a'), /a cannot be written: .* has too many links/);
  });

  test('a missing directory is named in the error', () =>
    refused(join(directory, 'none', 'x'), /x cannot be written: ENOENT.*none/));
});

describe('in a world-writable directory', { skip: notRoot }, () => {
  let open: string;
  let victim: string;
  beforeEach(() => {
    open = made('open', 0o1777);
    victim = file(join(made('own', 0o700), 'victim'), 'mine');
  });
  const unharmed = (): void => {
    assert.equal(readFileSync(victim, 'utf8'), 'mine');
    assert.deepEqual(readdirSync(join(directory, 'own')), ['victim']);
  };
  const theirs =
    /is a link of another user \(uid 65534\) in a world-writable directory\. Nothing was written/;

  test('build --out --force refuses another user’s link in one line', async () => {
    const link = linked(join(open, 'state.json'), victim, nobody);
    const flags = '--count 1 --services ssh --subnet 10.0.0.0/24 --gateway 10.0.0.1 --host-ip 10.0.0.2';
    const { code, stdout, stderr } = await cli(['build', ...flags.split(' '), '--out', link, '--force'], {});
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, theirs);
    assert.equal(stderr.trimEnd().split('\n').length, 1);
    unharmed();
    assert.equal(readlinkSync(link), victim);
  });

  test('another user’s link is not followed anywhere in the path', async () => {
    await refused(linked(join(open, 'link'), victim, nobody), theirs);
    await refused(linked(join(open, 'nowhere'), join(directory, 'own', 'new'), nobody), theirs);
    await refused(join(linked(join(open, 'way'), join(directory, 'own'), nobody), 'victim'), theirs);
    await refused(join(open, 'way', 'new'), theirs, false);
    await refused(`${open}/way/../new`, theirs, false);
    await refused(linked(join(directory, 'first'), join(open, 'link')), theirs);
    await refused(linked(join(open, 'second'), '../first'), theirs);
    unharmed();
    assert.deepEqual(readdirSync(directory).sort(), ['first', 'open', 'own']);
  });

  test('an own link is followed, and that of the directory’s owner', async () => {
    await writeWhole(linked(join(open, 'own'), victim), 'new', true);
    assert.equal(readFileSync(victim, 'utf8'), 'new');
    const others = made('others', 0o1777, nobody);
    await writeWhole(linked(join(others, 'link'), victim, nobody), 'newer', true);
    assert.equal(readFileSync(victim, 'utf8'), 'newer');
  });

  test('the same holds for an ordinary user', async () => {
    const home = made('home', 0o755, somebody);
    const target = file(join(home, 'file'), 'mine', somebody);
    const [own, other] = [
      linked(join(open, 'own'), target, somebody),
      linked(join(open, 'other'), target, nobody),
    ];
    await as(somebody, async () => {
      await refused(other, theirs);
      assert.equal(readFileSync(target, 'utf8'), 'mine');
      await writeWhole(own, 'new', true);
    });
    assert.equal(readFileSync(target, 'utf8'), 'new');
  });

  test('another user’s file is not replaced; that of the directory’s owner is, and keeps its owner', async () => {
    const other = file(join(open, 'file'), 'theirs', nobody);
    await refused(other, /file is a file of another user \(uid 65534\) in a world-writable directory/);
    assert.deepEqual([readFileSync(other, 'utf8'), statSync(other).uid], ['theirs', nobody]);
    await writeWhole(file(join(open, 'own'), 'mine'), 'new', true);
    const others = made('others', 0o1777, nobody);
    const owners = file(join(others, 'file'), 'theirs', nobody);
    await writeWhole(owners, 'new', true);
    assert.deepEqual([readFileSync(owners, 'utf8'), statSync(owners).uid], ['new', nobody]);
    assert.deepEqual(readdirSync(open).sort(), ['file', 'own']);
  });

  test('in other directories links are followed', async () => {
    const link = linked(join(made('theirs', 0o755, nobody), 'link'), victim, nobody);
    await writeWhole(link, 'new', true);
    assert.equal(readFileSync(victim, 'utf8'), 'new');
    assert.ok(lstatSync(link).isSymbolicLink());
  });

  test('a directory that is replaced by a link during the write is not followed', async () => {
    const [way, aside] = [join(open, 'way'), join(open, 'aside')];
    mkdirSync(way);
    chownSync(way, nobody, nobody);
    const own = join(directory, 'own');
    const swap = `const { renameSync, symlinkSync, unlinkSync } = require('node:fs');
      const [way, aside, own] = process.argv.slice(1);
      console.log('begun');
      for (;;) { renameSync(way, aside); symlinkSync(own, way); unlinkSync(way); renameSync(aside, way); }`;
    const child = spawn(process.execPath, ['-e', swap, way, aside, own], {
      uid: nobody,
      gid: nobody,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((done) => child.stdout.once('data', done));
    let written = 0;
    const until = performance.now() + 4000;
    while (performance.now() < until) {
      const error = await writeWhole(join(way, 'victim'), 'new', true).catch((thrown: unknown) => thrown);
      if (error === undefined) written += 1;
      else assert.ok(error instanceof FleetError, String(error));
    }
    const ended = new Promise((done) => child.once('exit', done));
    child.kill();
    await ended;
    unharmed();
    assert.ok(written > 0, 'it was never written');
  });
});
