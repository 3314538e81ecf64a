import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { cli, type Env, type Finished, start } from '../harness/cli.ts';
import { declaredDecky, testHost } from '../harness/host.ts';
import { testStore } from '../harness/stores.ts';

/** A user id without an entry in the user database, as in a container with `--user 12345`. */
const stranger = 12_345;
const isKnown = readFileSync('/etc/passwd', 'utf8').includes(`:${stranger}:`);
const skip =
  process.getuid?.() !== 0
    ? 'only root may become another user'
    : isKnown && `there is a user ${stranger} on this machine`;

/** @param env the whole environment, except PATH */
const asStranger = (args: readonly string[], env: Env = {}, program?: string): Promise<Finished> =>
  start(args, { HOME: undefined, LANG: undefined, DECNET_ROLLOUT: undefined, ...env }, program, '', {
    uid: stranger,
    gid: stranger,
    cwd: '/',
  }).finished;

describe('a user without a home directory', { skip }, () => {
  const host = testHost();
  before(() => {
    chmodSync(host.directory, 0o755);
    host.write([declaredDecky('web')]);
  });
  after(host.remove);

  test('gets advice when the embedded database is needed', async () => {
    for (const [args, program] of [
      [['status', '--json'], 'src/cli/bin.ts'],
      [['up'], 'src/cli/bin.ts'],
      [[], 'worker.ts'],
      [[], 'scheduler.ts'],
    ] as const) {
      const { code, stdout, stderr } = await asStranger(
        args,
        { DECNET_STATE_FILE: host.stateFile, LOG_LEVEL: 'silent' },
        program,
      );
      assert.deepEqual([code, args[0] === 'up' ? '' : stdout], [2, ''], `${program} ${args}`);
      assert.match(stderr, /^decnet-fleet: This user has no home directory [^\n]*DECNET_DATA_DIR[^\n]*\n$/);
    }
  });

  test('can run commands that need no database', async () => {
    const { code, stderr } = await asStranger(['check', host.stateFile]);
    assert.deepEqual([code, stderr], [0, '']);
  });

  test('needs none with DATABASE_URL', async () => {
    const store = await testStore('postgres');
    try {
      const env = { ...store.env, DECNET_STATE_FILE: host.stateFile, LOG_LEVEL: 'error' };
      for (const args of [['reconcile', '--once'], ['plan'], ['status'], ['hosts', '--json']]) {
        const { code, stderr } = await asStranger(args, env);
        assert.deepEqual([code, stderr], [0, ''], args.join(' '));
      }
      const { stdout } = await asStranger(['doctor'], env);
      assert.match(stdout, /^ok +database/m);
      assert.match(stdout, /^note +bus +no bus at/m);
      assert.doesNotMatch(stdout, /homedir/);
    } finally {
      await store.drop();
    }
  });

  test('needs none with DECNET_DATA_DIR', async () => {
    const above = mkdtempSync(join(tmpdir(), 'decnet-fleet-no-home-'));
    chmodSync(above, 0o755);
    const env = { DECNET_DATA_DIR: join(above, 'data'), DECNET_STATE_FILE: host.stateFile };
    try {
      // PostgreSQL does not create its files for a user without an entry in the user database.
      await cli(['migrate'], env);
      execFileSync('chown', ['-R', `${stranger}:${stranger}`, above]);
      const { code, stderr } = await asStranger(['status'], env);
      assert.deepEqual([code, stderr], [0, '']);
    } finally {
      rmSync(above, { recursive: true, force: true });
    }
  });
});
