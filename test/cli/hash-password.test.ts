import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isPasswordOf } from '../../src/lib/password-hash.ts';
import { start } from '../harness/cli.ts';
import { noTerminal, onTerminal } from '../harness/terminal.ts';

describe('hash-password', () => {
  const password = 'correct horse 3ü';

  test('reads the first line of stdin', async () => {
    const { code, stdout, stderr } = await start(['hash-password'], {}, undefined, `${password}\nmore\n`)
      .finished;
    assert.deepEqual([code, stderr], [0, '']);
    assert.ok(await isPasswordOf(password, stdout.trim()));
  });

  test('refuses a short one: exit 2', async () => {
    const { code, stdout, stderr } = await start(['hash-password'], {}, undefined, 'short\n').finished;
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /^decnet-fleet: The password is too short or too long\. Allowed: 8 to 1000 char/);
  });

  test('asks twice on a terminal, and shows nothing of it', { skip: noTerminal }, async () => {
    for (const [again, ends] of [
      [password, 0],
      ['another one', 2],
    ] as const) {
      const terminal = onTerminal(['hash-password'], {});
      await terminal.said(/Password: /);
      terminal.child.stdin?.write(`x\u007f${password}\r`);
      await terminal.said(/Again: /);
      terminal.child.stdin?.write(`${again}\r`);
      const { code, screen } = await terminal.finished;
      assert.equal(code, ends, screen);
      assert.ok(!screen.includes('correct') && !screen.includes('another'), screen);
      const hash = /\$scrypt\S+/.exec(screen)?.[0] ?? '';
      assert.equal(await isPasswordOf(password, hash), ends === 0);
      if (ends !== 0) assert.match(screen, /The two passwords differ/);
    }
  });

  test('what is typed before the second question belongs to it, and is not shown', {
    skip: noTerminal,
  }, async () => {
    const terminal = onTerminal(['hash-password'], {});
    await terminal.said(/Password: /);
    terminal.child.stdin?.write(`${password}\r${password}\r`);
    const { code, screen } = await terminal.finished;
    assert.equal(code, 0, screen);
    assert.ok(!screen.includes('correct'), screen);
    assert.ok(await isPasswordOf(password, /\$scrypt\S+/.exec(screen)?.[0] ?? ''));
  });

  for (const [key, name] of [
    ['\u0003', 'Ctrl-C'],
    ['\u0004', 'Ctrl-D'],
  ] as const)
    test(`${name} gives up: exit 2`, { skip: noTerminal }, async () => {
      const terminal = onTerminal(['hash-password'], {});
      await terminal.said(/Password: /);
      terminal.child.stdin?.write(`corr${key}`);
      const { code, screen } = await terminal.finished;
      assert.equal(code, 2, screen);
      assert.match(screen, /No password was given/);
      assert.ok(!screen.includes('corr'), screen);
    });
});
