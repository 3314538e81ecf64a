import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { packageRoot } from '../../src/lib/package.ts';
import { declaredDecky } from '../harness/host.ts';
import { hostWithStore } from '../harness/host-with-store.ts';
import { statesOf } from '../harness/pass.ts';

const noNamespaces = process.getuid?.() !== 0 && 'only root can give a process another machine id';

describe('two machines under one host_uuid', { skip: noNamespaces }, async () => {
  const { store, host, env } = await hostWithStore({ PATH: process.env.PATH });
  host.write([declaredDecky('web')]);

  /** Runs a command as on another machine: in a separate mount namespace with its own machine id. */
  const on = (
    machine: 'a' | 'b',
    ...args: string[]
  ): Promise<{ code: number; stdout: string; stderr: string }> => {
    const id = join(host.directory, `machine-${machine}`);
    writeFileSync(id, `${machine.repeat(32)}\n`);
    const script = `mount --bind "$1" "$2" && shift 2 && exec "$@"`;
    const command = [process.execPath, join(packageRoot, 'src/cli/bin.ts'), ...args];
    const target = '/etc/machine-id';
    return new Promise((done) => {
      execFile(
        'unshare',
        ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', id, target, ...command],
        { env: { ...env } as NodeJS.ProcessEnv },
        (error, stdout, stderr) =>
          done({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
      );
    });
  };

  test('the second one fails with both names, and writes nothing, until it takes over', async () => {
    const first = await on('a', 'reconcile', '--once');
    assert.equal(first.code, 0, first.stderr);
    host.write([declaredDecky('other')]);
    const before = await store.db.query('select *, xmin::text from fleet_hosts');
    const second = await on('b', 'reconcile', '--once');
    assert.equal(second.code, 1);
    assert.match(
      second.stderr,
      /Host local is recorded as machine machine-[0-9a-f]{16}, and this is machine machine-[0-9a-f]{16}\. Nothing was written/,
    );
    assert.doesNotMatch(second.stderr, /aaaaaaaa|bbbbbbbb/, 'the machine id itself must not be disclosed');
    assert.deepEqual(await statesOf(store.db), ['web pending']);
    assert.deepEqual(await store.db.query('select *, xmin::text from fleet_hosts'), before);

    const takeOver = await on('b', 'reconcile', '--once', '--take-over');
    assert.equal(takeOver.code, 0, takeOver.stderr);
    assert.deepEqual(await statesOf(store.db), ['other pending']);
    assert.equal((await on('a', 'reconcile', '--once')).code, 1);
  });
});
