import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { availabilityOf, stretchesOf } from '../../src/fleet/availability.ts';
import type { HostView } from '../../src/views/report.ts';
import { addressOf, parseAddress } from '../../src/web/address.ts';
import { queuesToShow } from '../../src/web/board-queues.ts';
import { html } from '../../src/web/html.ts';
import { duration, percent } from '../../src/web/pages/availability.ts';
import { hostPage } from '../../src/web/pages/host.ts';
import type { WebPorts } from '../../src/web/ports.ts';
import { basicLogin, hostName, isCrossSite, isKnownHost } from '../../src/web/security.ts';
import { atMost, shared } from '../../src/web/shared.ts';

const hostView = (host_uuid: string, more: Partial<HostView> = {}): HostView => ({
  host_uuid,
  stale: false,
  interval_s: 30,
  first_seen_at: '2026-01-01T00:00:00.000Z',
  last_pass_at: '2026-01-01T00:00:00.000Z',
  last_full_pass_at: '2026-01-01T00:00:00.000Z',
  last_observed_at: '2026-01-01T00:00:00.000Z',
  docker: 'ok',
  last_error: null,
  stopped: null,
  paused: null,
  version: null,
  counts: null,
  states: {},
  held: [],
  left: [],
  contested: [],
  undeclared: [],
  deploying: null,
  ports_unchecked: null,
  decnet_table: null,
  ...more,
});

describe('the page of a host', () => {
  // Not legal in the name of a queue, so that the page reads none.
  const name = 'a host';
  const shown = async (why: string | null): Promise<string> => {
    const report = { hosts: async () => [hostView(name, { ports_unchecked: why })], gaps: async () => [] };
    const pages = { deckies: async () => [] };
    const page = await hostPage({ report, pages } as unknown as WebPorts, name, {
      viewer: { name: null, role: 'look' },
      said: null,
      hasBoard: true,
    });
    return html`${page?.body ?? null}`.text;
  };

  test('says once why ports are not checked, and nothing where they are', async () => {
    const body = await shown('the engine at <tcp> is not on this machine');
    const sentence = 'Ports are not checked: the engine at &lt;tcp&gt; is not on this machine';
    assert.equal(body.split(sentence).length, 2, body);
    assert.doesNotMatch(await shown(null), /Ports are not checked/);
  });
});

test('availability is no more exact than the time over which it was measured', () => {
  const hour = 3_600_000;
  const cases: readonly [share: number | null, knownMs: number, text: string][] = [
    [null, 0, 'unknown'],
    [0.7255, 40_000, '72 %'],
    [0.7255, 5 * hour, '72.5 %'],
    [0.7255, 100 * hour, '72.55 %'],
    [0.999999, 100 * hour, '99.99 %'],
    [1, 40_000, '100 %'],
    [0.29, 100 * hour, '29.00 %'],
  ];
  for (const [share, known, text] of cases) assert.equal(percent(share, known), text);
  assert.deepEqual([2000, 59_400, 61_000, 5 * hour + 1_800_000].map(duration), [
    '2 s',
    '59 s',
    '1 min',
    '5.5 h',
  ]);
});

describe('availability', () => {
  const hour = 3600_000;
  const window = { from: 0, to: 10 * hour };

  test('counts only monitored time', () => {
    const transitions = [
      { at: -hour, to: 'running' as const },
      { at: 2 * hour, to: 'failed' as const },
      { at: 3 * hour, to: 'running' as const },
    ];
    const stretches = stretchesOf(transitions, [{ from: 5 * hour, to: 7 * hour }], window);
    assert.deepEqual(
      stretches.map(({ state, from, to }) => [state, (to - from) / hour]),
      [
        ['running', 2],
        ['failed', 1],
        ['running', 2],
        [null, 2],
        ['running', 3],
      ],
    );
    assert.deepEqual(availabilityOf(stretches), { share: 7 / 8, runningMs: 7 * hour, knownMs: 8 * hour });
  });

  test('is unknown before the row was inserted and after it was deleted', () => {
    const stretches = stretchesOf(
      [
        { at: 4 * hour, to: 'running' },
        { at: 6 * hour, to: null },
      ],
      [],
      window,
    );
    assert.deepEqual(
      stretches.map(({ state }) => state),
      [null, 'running', null],
    );
    assert.equal(availabilityOf(stretches).share, 1);
  });

  test('of no monitored time is unknown, not zero', () => {
    assert.deepEqual(availabilityOf(stretchesOf([], [], window)), { share: null, runningMs: 0, knownMs: 0 });
  });
});

describe('the address of the fleet page', () => {
  test('contains the whole view, and is parsed back', () => {
    const address = parseAddress({
      q: ' a&b  137 ',
      state: 'failed,torn_down',
      host: 'host-a',
      service: 'ssh',
      sort: 'name',
      open: ['host-a', 'host-b'],
      page: '3',
    });
    const query = new URL(addressOf(address), 'http://x').searchParams;
    const again = parseAddress({ ...Object.fromEntries(query), open: query.getAll('open') });
    assert.deepEqual(again, address);
    assert.deepEqual(address.filter, [
      { kind: 'text', key: null, patterns: ['a&b'], isExcluded: false },
      { kind: 'text', key: null, patterns: ['137'], isExcluded: false },
      { kind: 'state', states: ['failed', 'torn_down'], isExcluded: false },
      { kind: 'text', key: 'service', patterns: ['ssh'], isExcluded: false },
    ]);
    assert.equal(addressOf(parseAddress({})), '/');
  });

  test('names all broken states in one word', () => {
    assert.deepEqual(parseAddress({ state: 'broken' }).filter, parseAddress({ q: 'state:broken' }).filter);
    assert.deepEqual(parseAddress({ state: 'broken' }).filter, [
      { kind: 'state', states: ['failed', 'degraded', 'torn_down', 'teardown_failed'], isExcluded: false },
    ]);
  });

  test('says which state is none, and chooses nothing', () => {
    const { filter, state, notUnderstood } = parseAddress({ state: 'failed,brokn' });
    assert.deepEqual([filter, state], [[], null]);
    assert.match(
      notUnderstood?.line ?? '',
      /^state "brokn" is not a state\. Did you mean broken\? Allowed: /,
    );
  });

  test('ignores other invalid parts', () => {
    const address = parseAddress({
      host: '../x',
      sort: 'up',
      page: '-1',
      open: 'a b',
      q: '\0',
    });
    assert.deepEqual(address, parseAddress({}));
  });
});

describe('Bull Board’s queues', () => {
  test('are those of all hosts, if there are few', () => {
    const shown = queuesToShow([hostView('b'), hostView('a')], { opened: [], busy: new Set() });
    assert.deepEqual(shown, ['reconcile.a', 'reconcile.b']);
  });

  test('with too many hosts are those of opened, broken or busy hosts, up to a limit', () => {
    const many = Array.from({ length: 1000 }, (_, at) => hostView(`host-${at}`));
    many[7] = hostView('host-7', { stale: true });
    many[8] = hostView('host-8', { docker: 'unreachable' });
    const shown = queuesToShow(many, { opened: ['host-9', 'gone'], busy: new Set(['host-10']) });
    assert.deepEqual(shown, [
      'reconcile.host-10',
      'reconcile.host-7',
      'reconcile.host-8',
      'reconcile.host-9',
    ]);
    const all = queuesToShow(
      many.map((host) => ({ ...host, stale: true })),
      { opened: ['host-999'], busy: new Set() },
    );
    assert.equal(all.length, 200);
    assert.ok(all.includes('reconcile.host-999'));
  });
});

describe('protection of the pages', () => {
  test('templates escape their values', () => {
    assert.equal(
      html`<p title="${'"\'&<>'}">${['a', null, false, 1, html`<b>${'<'}</b>`]}</p>`.text,
      '<p title="&quot;&#39;&amp;&lt;&gt;">a1<b>&lt;</b></p>',
    );
  });

  test('a Host is an IP address or a known name', () => {
    assert.equal(hostName('[::1]:80'), '::1');
    assert.equal(hostName('EXAMPLE.org:80'), 'example.org');
    for (const header of [undefined, '', 'a b', 'a:b', 'a/b', 'a:123456', '[::1'])
      assert.equal(hostName(header), null);
    const known = new Set(['fleet.example.org']);
    for (const header of ['127.0.0.1:7070', 'localhost', '[::1]', '10.0.0.1', 'Fleet.Example.org:443'])
      assert.ok(isKnownHost(header, known), header);
    for (const header of ['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example', undefined])
      assert.ok(!isKnownHost(header, known), String(header));
  });

  test('another site is detected by headers', () => {
    assert.ok(!isCrossSite({ host: 'a:1' }));
    assert.ok(!isCrossSite({ host: 'a:1', origin: 'http://a:1' }));
    assert.ok(!isCrossSite({ host: 'a:1', 'sec-fetch-site': 'same-origin' }));
    for (const headers of [
      { origin: 'http://a:2' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site', origin: 'http://a:1' },
    ])
      assert.ok(isCrossSite({ host: 'a:1', ...headers }), JSON.stringify(headers));
  });

  test('the password of a login begins after the first colon', () => {
    const header = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
    assert.deepEqual(basicLogin(header('ops:a:b')), { user: 'ops', password: 'a:b' });
    assert.deepEqual(basicLogin(header(':')), { user: '', password: '' });
    for (const wrong of ['', 'Basic', header('ops'), `Bearer ${header('ops:a').slice(6)}`])
      assert.equal(basicLogin(wrong), null, wrong);
  });
});

describe('shared answers', () => {
  test('are rendered once, and again after a moment; failures are not shared', async () => {
    const { once } = shared<number>();
    let made = 0;
    const make = async (): Promise<number> => ++made;
    assert.deepEqual(await Promise.all([once('a', make), once('a', make), once('b', make)]), [1, 1, 2]);
    await assert.rejects(
      once('c', () => Promise.reject(new Error('no'))),
      /no/,
    );
    assert.equal(await once('c', make), 3);
    await new Promise((done) => setTimeout(done, 400));
    assert.equal(await once('a', make), 4);
  });

  test('in progress during a change are not used for later requests', async () => {
    const { once, invalidate } = shared<string>();
    let finish: (page: string) => void = () => undefined;
    const early = once('a', () => new Promise((done) => (finish = done)));
    invalidate();
    const late = once('a', async () => 'new');
    finish('old');
    assert.deepEqual(await Promise.all([early, late]), ['old', 'new']);
    // The end of the old answer does not remove the new one.
    await new Promise((done) => setTimeout(done, 10));
    assert.equal(await once('a', async () => 'newer'), 'new');
  });

  test('limited concurrency runs all calls in the end', async () => {
    const few = atMost(2);
    let running = 0;
    let max = 0;
    const work = async (): Promise<void> => {
      running += 1;
      max = Math.max(max, running);
      await new Promise((done) => setTimeout(done, 5));
      running -= 1;
    };
    const all = Array.from({ length: 9 }, (_, at) =>
      few(async () => {
        await work();
        if (at === 3) throw new Error('one fails');
      }),
    );
    const ended = await Promise.allSettled(all);
    assert.deepEqual([max, running], [2, 0]);
    assert.equal(ended.filter(({ status }) => status === 'rejected').length, 1);
  });
});
