import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ownCacheDirectory } from '../../src/lib/compile-cache.ts';
import { makeDirectory } from '../harness/directories.ts';

const nobody = 65_534;
const notRoot = process.getuid?.() !== 0 && 'only root can be other users';

describe('a directory for Node’s compile cache is safe or not used', { skip: notRoot }, () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-locations-'));
    chmodSync(directory, 0o755);
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  const location = (mode: number, owner = 0, parent = directory): string =>
    makeDirectory(parent, mode, owner);
  const chosen = (path: string): string | null => ownCacheDirectory({ NODE_COMPILE_CACHE: path });
  const inside = (parent: string): string => location(0o700, 0, parent);

  for (const [what, make] of [
    ['a directory of one’s own', () => location(0o700)],
    ['in a sticky directory that everyone may write to', () => inside(location(0o1777))],
    ['one that is missing', () => join(location(0o755), 'missing')],
    [
      'behind a link of one’s own',
      () => {
        const link = join(location(0o755), 'link');
        symlinkSync(location(0o755), link);
        return join(link, 'missing');
      },
    ],
  ] as const) {
    test(`safe: ${what}`, () => {
      const path = make();
      assert.equal(chosen(path), path);
      assert.equal(statSync(path).mode & 0o7777, 0o700);
    });
  }

  for (const [what, make] of [
    ['others may read it', () => location(0o755)],
    ['its group may read it', () => location(0o740)],
    ['everyone may write to it', () => location(0o777)],
    ['everyone may write to it, and it is sticky', () => location(0o1777)],
    ['another user’s', () => location(0o700, nobody)],
    ['everyone may write to its parent', () => inside(location(0o777))],
    ['a group may write to its parent', () => inside(location(0o775))],
    ['its parent is another user’s', () => inside(location(0o755, nobody))],
    ['its parent is another user’s, and sticky', () => inside(location(0o1777, nobody))],
    ['everyone may write to its grandparent', () => inside(inside(location(0o777)))],
    [
      'its parent is another user’s in a sticky directory',
      () => inside(location(0o700, nobody, location(0o1777))),
    ],
    ['missing where everyone may write', () => join(location(0o777), 'missing')],
    ['missing, and its parent as well', () => join(location(0o755), 'missing', 'missing')],
    [
      'a file',
      () => {
        const path = join(location(0o755), 'file');
        writeFileSync(path, '', { mode: 0o600 });
        return path;
      },
    ],
    [
      'a link of one’s own',
      () => {
        const path = join(location(0o755), 'link');
        symlinkSync(location(0o700), path);
        return path;
      },
    ],
    [
      'behind a link of another user',
      () => {
        const parent = location(0o1777);
        symlinkSync(location(0o755), join(parent, 'link'));
        execFileSync('chown', ['-h', String(nobody), join(parent, 'link')]);
        return join(parent, 'link', 'missing');
      },
    ],
    [
      'behind a link to where everyone may write',
      () => {
        const path = join(location(0o755), 'link');
        symlinkSync(location(0o777), path);
        return join(path, 'missing');
      },
    ],
    [
      'behind a link that leads in a circle',
      () => {
        const path = join(location(0o755), 'link');
        symlinkSync(path, path);
        return join(path, 'missing');
      },
    ],
  ] as const) {
    test(`not safe: ${what}`, () => {
      const path = make();
      const existed = existsSync(path);
      assert.equal(chosen(path), null);
      assert.equal(existsSync(path), existed, 'nothing was made');
    });
  }
});
