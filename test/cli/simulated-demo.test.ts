import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { day } from '../../examples/day/steps.ts';
import { start } from '../harness/cli.ts';
import { childrenOf } from '../harness/servers.ts';
import { waitFor } from '../harness/wait.ts';

describe('the simulated demo', () => {
  test('plays the whole day without Docker, the rows follow, and Ctrl-C ends it', async () => {
    const demo = start(
      ['--simulated', '--minutes', '0.5'],
      { DOCKER_HOST: 'unix:///nonexistent/docker.sock' },
      'examples/demo.ts',
    );
    const said = await demo.said(/The day is over/);
    for (const { what } of day) assert.ok(said.includes(what), what);
    const url = /dashboard +(http:\/\/[^\s]+)/.exec(said)?.[1] ?? '';
    await waitFor(async () => {
      const { deckies } = (await (await fetch(`${url}/api/fleet`)).json()) as {
        deckies: readonly { name: string; state: string }[];
      };
      const found = deckies.map(({ name, state }) => `${name} ${state}`).sort();
      assert.deepEqual(found, [
        'cache-11 degraded',
        'db-12 degraded',
        'dns-11 running',
        'file-11 degraded',
        'ftp-11 torn_down',
        'iot-11 running',
        'k8s-11 failed',
        'mail-11 degraded',
        'new-11 torn_down',
        'old-11 torn_down',
        'print-11 running',
        'relay-11 degraded',
        'ssh-11 degraded',
        'vnc-11 degraded',
        'web-11 running',
        'web-13 running',
        'win-11 running',
      ]);
      return true;
    });
    // As a terminal does, to all processes of the demo.
    const pid = demo.child.pid;
    assert.ok(pid !== undefined);
    for (const one of [pid, ...childrenOf(pid)]) process.kill(one, 'SIGINT');
    assert.equal((await demo.finished).code, 0, demo.output());
  });

  test('refuses a length that is no time', async () => {
    const demo = start(['--simulated', '--minutes', 'none'], {}, 'examples/demo.ts');
    const { code, stderr } = await demo.finished;
    assert.equal(code, 2);
    assert.equal(stderr, '--minutes must be a number above 0.\n');
  });
});
