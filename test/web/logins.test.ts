import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { loginAddress, loginTable, waitMsAfter } from '../../src/web/logins.ts';
import { type OwnDashboard, ownDashboard } from '../harness/dashboard.ts';
import { type AskOptions, ask, basic, type Reply } from '../harness/http.ts';
import { waitFor } from '../harness/wait.ts';

const minute = 60_000;
type Table = ReturnType<typeof loginTable>;

/** Simulates one login from its arrival to its check. */
const login = (table: Table, address: string, isRight: boolean, now: number) => {
  assert.equal(table.arrive(address, now), null);
  return table.checked(address, isRight, now);
};

describe('when a login is checked', () => {
  test('three wrong logins are delayed briefly, then the delay doubles up to two seconds', () => {
    assert.deepEqual(
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 5000].map(waitMsAfter),
      [0, 100, 100, 100, 200, 400, 800, 1600, 2000, 2000, 2000],
    );
  });

  test('the delay counts from the last wrong login of the same address', () => {
    const table = loginTable();
    for (let at = 0; at < 5; at++) login(table, 'a', false, 1000);
    assert.equal(table.waits('a', 1000), 400);
    assert.equal(table.waits('a', 1150), 250);
    assert.equal(table.waits('a', 9000), 0);
    assert.equal(table.waits('b', 1000), 0);
  });

  test('a correct login resets it', () => {
    const table = loginTable();
    for (let at = 0; at < 8; at++) login(table, 'a', false, 0);
    assert.equal(table.waits('a', 0), 2000);
    assert.equal(login(table, 'a', true, 0), null);
    assert.equal(table.waits('a', 0), 0);
    login(table, 'a', false, 0);
    assert.equal(table.waits('a', 0), 100);
  });

  test('at most twenty wait; more are refused until one is checked or disconnects', () => {
    const table = loginTable();
    for (let at = 0; at < 8; at++) login(table, 'a', false, 0);
    for (let at = 0; at < 20; at++) assert.equal(table.arrive('a', 0), null);
    assert.equal(table.arrive('a', 0), 40_000);
    assert.equal(table.arrive('b', 0), null);
    table.checked('a', false, 2000);
    assert.equal(table.arrive('a', 2000), null);
    assert.equal(table.arrive('a', 2000), 40_000);
    table.left('a');
    assert.equal(table.arrive('a', 2000), null);
  });

  test('an address is forgotten after fifteen minutes without an attempt; refused attempts count', () => {
    const table = loginTable();
    for (let at = 0; at < 8; at++) login(table, 'a', false, 0);
    table.sweep(14 * minute);
    login(table, 'a', false, 14 * minute);
    table.sweep(28 * minute);
    assert.equal(table.size(), 1);
    table.sweep(29 * minute);
    assert.equal(table.size(), 0);
    assert.deepEqual(login(table, 'a', false, 30 * minute), { address: 'a', wrong: 1, unchecked: 0 });
  });

  test('nothing is kept for an address with only correct logins', () => {
    const table = loginTable();
    for (let at = 0; at < 100; at++) login(table, `a${at}`, true, at);
    assert.equal(table.size(), 0);
  });

  test('ten thousand addresses are remembered; the oldest are dropped, but never a waiting one', () => {
    const table = loginTable();
    assert.equal(table.arrive('waits', 0), null);
    for (let at = 0; at < 12_000; at++) login(table, `a${at}`, false, 0);
    assert.equal(table.size(), 10_000);
    assert.equal(table.waits('a2000', 0), 0);
    assert.equal(table.waits('a2001', 0), 100);
    assert.deepEqual(table.checked('waits', false, 0), { address: 'waits', wrong: 1, unchecked: 0 });
    // An attempt makes it the newest.
    login(table, 'waits', false, 0);
    login(table, 'a2001', false, 0);
    login(table, 'new', false, 0);
    assert.equal(table.waits('a2001', 0), 100);
    assert.equal(table.waits('a2002', 0), 0);
  });

  test('when ten thousand addresses are waiting, further ones are refused', () => {
    const table = loginTable();
    for (let at = 0; at < 10_000; at++) assert.equal(table.arrive(`a${at}`, 0), null);
    assert.equal(typeof table.arrive('b', 0), 'number');
    assert.equal(table.size(), 10_000);
  });
});

describe('log lines of wrong logins', () => {
  test('the first immediately, then one line a minute with the number', () => {
    const table = loginTable();
    const first = { address: 'a', wrong: 1, unchecked: 0 };
    assert.deepEqual(login(table, 'a', false, 0), first);
    for (let at = 1; at <= 5; at++) assert.equal(login(table, 'a', false, at), null);
    assert.deepEqual(table.sweep(minute - 1), []);
    assert.deepEqual(table.sweep(minute), [{ address: 'a', wrong: 5, unchecked: 0 }]);
    assert.deepEqual(table.sweep(2 * minute), []);
    assert.deepEqual(login(table, 'a', false, 2 * minute), first);
    assert.equal(login(table, 'a', false, 2 * minute), null);
  });

  test('refused logins are counted, too', () => {
    const table = loginTable();
    login(table, 'a', false, 0);
    for (let at = 0; at < 50; at++) table.arrive('a', 0);
    assert.deepEqual(table.sweep(minute), [{ address: 'a', wrong: 0, unchecked: 30 }]);
  });

  test('correct logins in between cause no more lines', () => {
    const table = loginTable();
    const lines = Array.from({ length: 30 }, (_, at) => login(table, 'a', at % 2 === 1, at));
    assert.equal(lines.filter((line) => line !== null).length, 1);
    assert.deepEqual(table.sweep(minute), [{ address: 'a', wrong: 14, unchecked: 0 }]);
  });
});

describe('the address of a client', () => {
  for (const [ip, address] of [
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ] as const)
    test(`${ip} is ${address}`, () => assert.equal(loginAddress(ip), address));
});

const user = 'operator-of-the-test';
const password = 'right-secret-of-the-test';
const right: AskOptions = { headers: { authorization: basic(user, password) } };
const wrong: AskOptions = { headers: { authorization: basic(user, 'wrong-secret-of-the-test') } };

describe('wrong logins over HTTP', () => {
  let dashboard: OwnDashboard;
  const opened: AbortController[] = [];
  // Each test has a new dashboard without known addresses.
  const fresh = async (): Promise<void> => {
    await dashboard?.close();
    dashboard = await ownDashboard({ credentials: { user, password } });
  };
  after(async () => {
    for (const one of opened) one.abort();
    await dashboard?.close();
  });

  const timed = async (options: AskOptions): Promise<{ reply: Reply; tookMs: number }> => {
    const began = performance.now();
    const reply = await ask(`${dashboard.url}/`, options);
    return { reply, tookMs: performance.now() - began };
  };
  /** Sends requests without pause on many connections, until it is stopped. */
  const flood = (connections: number, options: AskOptions): { seen: Reply[]; stop(): void } => {
    const stop = new AbortController();
    opened.push(stop);
    const seen: Reply[] = [];
    const run = async (): Promise<void> => {
      while (!stop.signal.aborted)
        await ask(`${dashboard.url}/`, { ...options, signal: stop.signal }).then(
          (reply) => seen.push(reply),
          () => undefined,
        );
    };
    for (let at = 0; at < connections; at++) void run();
    return { seen, stop: () => stop.abort() };
  };
  const count = (replies: readonly Reply[], status: number): number =>
    replies.filter((reply) => reply.status === status).length;

  test('many concurrent logins: a few are checked in two seconds, and all others wait or are refused', async () => {
    await fresh();
    const attack = flood(60, wrong);
    await new Promise((done) => setTimeout(done, 2000));
    const seen = [...attack.seen];
    const unknown = await timed({});
    assert.equal(unknown.reply.status, 401);
    assert.ok(unknown.tookMs < 2000, `without a login: ${unknown.tookMs} ms`);
    attack.stop();
    // 100, 200, 300, 500, 900 and 1,700 ms after the first one.
    const checked = count(seen, 401);
    assert.ok(checked >= 1 && checked <= 10, `${checked} were checked`);
    const refused = seen.filter(({ status }) => status === 429);
    assert.ok(refused.length > 0);
    assert.equal(seen.length, checked + refused.length);
    for (const { headers } of refused) assert.match(String(headers['retry-after']), /^[1-9]\d?$/);

    const after = await timed(right);
    assert.equal(after.reply.status, 200);
    assert.ok(after.tookMs < 10_000, `a right login after it: ${after.tookMs} ms`);

    const lines = dashboard.logged.filter((line) => line.includes('wrong logins'));
    assert.equal(lines.length, 1, lines.join(''));
    const line = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
    assert.deepEqual([line.level, line.address, line.wrong], [40, '127.0.0.1', 1]);
    const all = dashboard.logged.join('');
    for (const secret of [user, password, 'wrong-secret', String(wrong.headers?.authorization).slice(6)])
      assert.ok(!all.includes(secret), secret);
  });

  test('every header other than a correct login counts as wrong, and the next one waits longer', async () => {
    await fresh();
    const kinds = [
      'Basic !',
      'Bearer x',
      '',
      basic('', ''),
      basic(user, ''),
      basic(user, password).slice(0, -4),
    ];
    for (const authorization of kinds)
      assert.equal((await timed({ headers: { authorization } })).reply.status, 401, authorization);
    const first = await timed(right);
    assert.equal(first.reply.status, 200);
    assert.ok(first.tookMs > 600, `after ${kinds.length} wrong ones: ${first.tookMs} ms`);
    // Without the reset each would wait 800 ms.
    const began = performance.now();
    for (let at = 0; at < 10; at++) assert.equal((await timed(right)).reply.status, 200);
    assert.ok(performance.now() - began < 7000);
  });

  test('requests without an Authorization header are neither delayed nor counted', async () => {
    await fresh();
    for (let at = 0; at < 30; at++) assert.equal((await timed({})).reply.status, 401);
    assert.equal((await timed(right)).reply.status, 200);
    assert.deepEqual(
      dashboard.logged.filter((line) => line.includes('wrong logins')),
      [],
    );
  });

  test('fifty concurrent correct logins all succeed', async () => {
    await fresh();
    const all = await Promise.all(Array.from({ length: 50 }, () => timed(right)));
    assert.deepEqual(
      all.filter(({ reply }) => reply.status !== 200),
      [],
    );
  });

  test('disconnected clients do not delay others', async () => {
    await fresh();
    const attack = flood(25, wrong);
    await waitFor(() => count(attack.seen, 429) > 0);
    attack.stop();
    await waitFor(async () => (await timed(right)).reply.status === 200, 10_000);
  });

  test('other addresses are not delayed', {
    skip: process.platform !== 'linux' && 'this machine has one loopback address',
  }, async () => {
    await fresh();
    const attack = flood(60, { ...wrong, from: '127.0.0.2' });
    await waitFor(() => count(attack.seen, 401) >= 5);
    const { reply, tookMs } = await timed(right);
    assert.equal(reply.status, 200);
    assert.ok(tookMs < 2000, `${tookMs} ms`);
    assert.ok(dashboard.logged.some((line) => line.includes('"address":"127.0.0.2"')));
    attack.stop();
  });
});
