import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import { cli, start } from '../harness/cli.ts';
import { declaredDecky } from '../harness/host.ts';
import { hostWithStore } from '../harness/host-with-store.ts';
import { runHere } from '../harness/run-here.ts';
import { freePort } from '../harness/services.ts';
import { waitFor } from '../harness/wait.ts';

describe('what runs until it is stopped', async () => {
  const { store, host, env } = await hostWithStore({ DECNET_BUS_ENABLED: 'false', LOG_LEVEL: 'debug' });
  host.write([declaredDecky('web')]);

  for (const [args, program, isUp] of [
    [['up', '--port', '0'], 'src/cli/bin.ts', /Reconciling every/],
    [['reconcile', '--interval', '60'], 'src/cli/bin.ts', /first pass:/],
    [['dashboard', '--port', '0'], 'src/cli/bin.ts', /Press Ctrl-C to stop/],
    [[], 'worker.ts', null],
    [[], 'scheduler.ts', null],
  ] as const) {
    for (const signal of ['SIGHUP', 'SIGTERM', 'SIGINT'] as const) {
      test(`${[program, ...args].join(' ')} closes at ${signal}`, async () => {
        const running = start(args, env, program);
        const queue = program === 'worker.ts' ? 'reconcile.local' : 'schedule';
        if (isUp !== null) await running.said(isUp);
        else await waitFor(async () => (await connectionsOf(queue)) > 0);
        running.child.kill(signal);
        // Both an ending shell and the terminal send SIGHUP.
        if (signal === 'SIGHUP') running.child.kill(signal);
        const { code, stderr } = await running.finished;
        assert.equal(code, 0, stderr);
        assert.match(stderr, new RegExp(`"signal":"${signal}","msg":"stopping"`));
        await waitFor(async () => (await connectionsOf(queue)) === 0);
      });
    }
  }

  const connectionsOf = async (queue: string): Promise<number> =>
    (
      await store.db.query(
        `select from pg_stat_activity where datname = current_database() and application_name like '%' || '${queue}' || '%'`,
      )
    ).length;

  test('up serves its dashboard only at the configured address', async () => {
    const port = await freePort();
    const up = start(['up', '--port', String(port), '--host', '127.0.0.2'], env);
    await up.said(new RegExp(`dashboard +http://127\\.0\\.0\\.2:${port}\\b`));
    assert.equal((await fetch(`http://127.0.0.2:${port}/healthz`)).status, 200);
    up.child.kill('SIGTERM');
    assert.equal((await up.finished).code, 0);

    const other = createServer().listen(port, '127.0.0.1');
    try {
      for (const command of ['up', 'dashboard']) {
        const taken = await cli([command, '--port', String(port)], { ...env, LOG_LEVEL: undefined });
        assert.equal(taken.code, 2);
        assert.match(taken.stderr, new RegExp(`Port ${port} is taken on 127\\.0\\.0\\.1\\. Choose another`));
        assert.doesNotMatch(taken.stdout, /first pass/);
        const open = await cli([command, '--host', '0.0.0.0'], { ...env, LOG_LEVEL: undefined });
        assert.equal(open.code, 2);
        assert.match(open.stderr, /requires a login to listen on 0\.0\.0\.0/);
      }
    } finally {
      other.close();
    }
  });

  test('up and dashboard print the same address', async () => {
    const [one, other] = await Promise.all(
      ['up', 'dashboard'].map(async (command) =>
        (await runHere([command, '--help'], {})).stdout
          .split('\n')
          .filter((line) => /^ {2}--(port|host) /.test(line))
          .map((line) => line.replace(/ +/g, ' ')),
      ),
    );
    assert.equal(one?.length, 2);
    assert.deepEqual(one, other);
  });
});
