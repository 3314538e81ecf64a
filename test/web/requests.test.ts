import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { hidesControls, repeatedHeader, targetFault, withoutControls } from '../../src/web/security.ts';
import { type OwnDashboard, ownDashboard } from '../harness/dashboard.ts';
import { ask, basic, type Line, line } from '../harness/http.ts';
import { waitFor } from '../harness/wait.ts';

const credentials = { user: 'ops', password: 'secret-of-ops' };
const login = `authorization: ${basic(credentials.user, credentials.password)}\r\n`;
const headers = { authorization: basic(credentials.user, credentials.password) };
const esc = String.fromCharCode(27);
const csi = String.fromCharCode(0x9b);

describe('checks of a request', () => {
  test('a repeated header that must not be repeated; others may be', () => {
    for (const name of [
      'Host',
      'AUTHORIZATION',
      'origin',
      'Sec-Fetch-Site',
      'Content-Length',
      'Content-Type',
    ])
      assert.equal(repeatedHeader(['a', '1', name, 'x', name.toLowerCase(), 'x']), name.toLowerCase());
    assert.equal(
      repeatedHeader(['Host', 'x', 'Cookie', 'a', 'Cookie', 'b', 'X-Forwarded-For', 'host']),
      null,
    );
  });

  test('a target is a path, or has the host of the header', () => {
    assert.equal(targetFault('/', 'a'), null);
    assert.equal(targetFault('//evil/x', 'a'), null);
    assert.equal(targetFault('http://a:7070/x?y', 'A:7070'), null);
    for (const target of [
      'http://evil/',
      'http://a@evil/',
      'http://a.evil/',
      'http://a/',
      'http:///',
      'ftp://a:7070/',
      '*',
      'a:7070',
    ])
      assert.notEqual(targetFault(target, 'a:7070'), null, target);
    for (const sign of [' ', '\t', esc, csi, 'é']) assert.notEqual(targetFault(`/${sign}`, 'a'), null);
  });

  test('control characters are found in a path, and removed from a text', () => {
    for (const path of ['/%00', '/%0a', '/x%1By', '/%7f', '/%C2%85', '/%c2%9b'])
      assert.ok(hidesControls(path), path);
    for (const path of ['/', '/%20', '/%c3%a9', '/%2500', '/%c2%a0']) assert.ok(!hidesControls(path), path);
    assert.equal(withoutControls(`a\r\n\0${esc}[31m${csi}é`), 'a[31mé');
  });
});

describe('odd requests', () => {
  let dashboard: OwnDashboard;
  before(async () => {
    dashboard = await ownDashboard({ credentials });
  });
  after(() => dashboard?.close());

  /** Sends raw bytes, and reads until the server closes the connection. */
  const send = async (head: string): Promise<string> => {
    const socket = line(dashboard.url);
    socket.write(`${head}connection: close\r\n\r\n`);
    await waitFor(() => !socket.isOpen());
    return socket.heard();
  };
  const own = (): string => `host: ${new URL(dashboard.url).host}\r\n`;

  test('a repeated header: 400, in either order', async () => {
    for (const twice of [
      `host: localhost\r\nhost: evil.example\r\n${login}`,
      `host: evil.example\r\nHOST: localhost\r\n${login}`,
      `host: localhost\r\nhost: localhost\r\n${login}`,
      `host: localhost\r\n${login}authorization: Basic eDp5\r\n`,
      `host: localhost\r\nauthorization: Basic eDp5\r\n${login}`,
      `host: localhost\r\n${login}origin: http://localhost\r\norigin: http://evil.example\r\n`,
      `host: localhost\r\n${login}sec-fetch-site: same-origin\r\nsec-fetch-site: cross-site\r\n`,
    ]) {
      const answer = await send(`GET /healthz HTTP/1.1\r\n${twice}`);
      assert.match(answer, /^HTTP\/1\.1 400 /, twice);
      assert.match(answer, /more than one (host|authorization|origin|sec-fetch-site) header/, twice);
    }
    for (const lengths of [
      'content-length: 0\r\ncontent-length: 5\r\n',
      'content-length: 5\r\ntransfer-encoding: chunked\r\n',
    ])
      assert.match(await send(`POST /x HTTP/1.1\r\n${own()}${login}${lengths}`), /^HTTP\/1\.1 400 /, lengths);
    assert.match(
      await send(`GET /healthz HTTP/1.1\r\n${own()}cookie: a\r\ncookie: b\r\n`),
      /^HTTP\/1\.1 200 /,
    );
  });

  test('a wrong login beside a correct one is not counted: the request was refused before', () =>
    assert.deepEqual(
      dashboard.logged.filter((one) => one.includes('wrong logins')),
      [],
    ));

  test('an absolute address as the target: the own address is served, others are refused', async () => {
    const { host } = new URL(dashboard.url);
    assert.match(
      await send(`GET http://${host}/healthz HTTP/1.1\r\n${own()}`),
      /^HTTP\/1\.1 200 [\s\S]*ok\n/,
    );
    assert.match(await send(`GET http://${host}/ HTTP/1.1\r\n${own()}`), /^HTTP\/1\.1 401 /);
    assert.match(await send(`GET http://${host}/ HTTP/1.1\r\n${own()}${login}`), /^HTTP\/1\.1 200 /);
    for (const target of ['http://evil/healthz', 'http://localhost@evil/healthz', 'https://evil', '*'])
      assert.match(await send(`GET ${target} HTTP/1.1\r\n${own()}${login}`), /^HTTP\/1\.1 400 /, target);
    assert.match(await send('GET http://evil.example/metrics HTTP/1.1\r\nhost: evil.example\r\n'), / 421 /);
  });

  test('raw invalid characters in an address reach no page and no log', async () => {
    for (const sign of ['\t', '\f', csi, 'é', '\x7f', esc])
      assert.match(await send(`GET /x${sign}y HTTP/1.1\r\n${own()}${login}`), /^HTTP\/1\.1 400 /);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
    assert.doesNotMatch(dashboard.logged.join('').replaceAll('\n', ''), /[\u0000-\u001f\u007f-\u009f]/);
  });

  test('percent-encoded control characters match nothing, and are removed from searches', async () => {
    for (const path of [
      '/hosts/%0a',
      '/hosts/x%1b/queue',
      '/deckies/host-a/%c2%9b',
      '/hosts/%0d%0aset-cookie/plan',
    ])
      assert.equal((await ask(dashboard.url + path, { headers })).status, 404, path);
    const { status, body } = await ask(`${dashboard.url}/?q=a%1b%0a%00%c2%9bb`, { headers });
    assert.equal(status, 200);
    assert.match(body, /value="ab"/);
  });

  test('an address that cannot be decoded is refused without repeating it', async () => {
    for (const path of ['/deckies/%ff/x', '/%', `/hosts/${'x'.repeat(2000)}`]) {
      const { status, body } = await ask(dashboard.url + path, { headers });
      assert.ok(status >= 400 && status < 500, `${path.slice(0, 20)}: ${status}`);
      assert.doesNotMatch(body, /%ff|xxx/);
    }
  });

  test('a link to a job in Bull Board leads only there', async () => {
    const to = async (path: string): Promise<string | undefined> =>
      (await ask(dashboard.url + path, { headers })).headers.location;
    const queue = '/queues/queue/reconcile.host-a';
    assert.equal(await to('/hosts/host-a/queue?job=17'), `${queue}/17`);
    assert.equal(await to('/hosts/host-a/queue?job=a%3Ab&job=c'), `${queue}/a%3Ab`);
    assert.equal(await to('/hosts/host-a/queue?job=1%0d%0aset-cookie:%20x'), `${queue}/1set-cookie%3A%20x`);
    assert.equal(await to('/hosts/host-a/queue?job=//evil.example'), `${queue}/%2F%2Fevil.example`);
    for (const none of ['', '?job=', '?job=.', '?job=..', '?job=%00', '?job=%20'])
      assert.equal(await to(`/hosts/host-a/queue${none}`), queue, none);
    for (const host of ['..', '%2e%2e', 'a%2fb', 'a%20b', 'x'.repeat(65)]) {
      const reply = await ask(`${dashboard.url}/hosts/${host}/queue?job=1`, { headers });
      assert.ok(reply.status >= 400 && reply.status < 500, `${host}: ${reply.status}`);
    }
  });
});

describe('limits of a request', () => {
  const requestMs = 500;
  const connections = 20;
  /** Five times the promised time, plus the time to notice. */
  const soon = requestMs * 5 + 2000;
  let dashboard: OwnDashboard;
  const lines: Line[] = [];
  before(async () => {
    dashboard = await ownDashboard({ credentials, limits: { requestMs, silenceMs: 60_000, connections } });
  });
  after(async () => {
    for (const one of lines) one.close();
    await dashboard?.close();
  });
  const open = (): Line => {
    const opened = line(dashboard.url);
    lines.push(opened);
    return opened;
  };
  const post = `POST /hosts/none/reconcile HTTP/1.1\r\nhost: localhost\r\n`;

  for (const [what, text] of [
    ['nothing', ''],
    ['half a head', 'GET / HTTP/1.1\r\nhost: localhost\r\n'],
    ['half a body', `${post}${login}content-type: application/json\r\ncontent-length: 100\r\n\r\n{"a":`],
    [
      'half a form',
      `${post}${login}content-type: application/x-www-form-urlencoded\r\ncontent-length: 100\r\n\r\na=`,
    ],
    ['half a body of one who may not send it', `${post}content-length: 100\r\n\r\nx`],
    ['a second request, half', 'GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\nGET / HTTP/1.1\r\n'],
  ] as const)
    test(`${what}: the connection is closed`, async () => {
      const half = open();
      half.write(text);
      await waitFor(() => !half.isOpen(), soon);
      if (what === 'half a head') assert.match(half.heard(), /^HTTP\/1\.1 408 /);
    });

  test('occasional bytes do not extend the limit', async () => {
    const slow = open();
    slow.write('GET / HTTP/1.1\r\nx: ');
    const timer = setInterval(() => slow.write('x'), 50);
    await waitFor(() => !slow.isOpen(), soon).finally(() => clearInterval(timer));
  });

  test('complete requests may take longer: the event stream, and reused connections', async () => {
    const [stream, used] = [open(), open()];
    stream.write(`GET /api/events HTTP/1.1\r\nhost: localhost\r\n${login}\r\n`);
    const healthz = 'GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n';
    used.write(healthz);
    await waitFor(() => used.heard().includes('ok\n'));
    await sleep(requestMs * 4);
    used.write(healthz);
    await waitFor(() => used.heard().split('ok\n').length === 3);
    // The first beat is sent immediately, the next ones every 5 s.
    await waitFor(() => stream.heard().split('event: beat').length >= 3);
    assert.ok(stream.isOpen());
    stream.close();
    used.close();
  });

  test('a form is read up to 16 KB, with or without Content-Length', async () => {
    const form = `${post}${login}content-type: application/x-www-form-urlencoded\r\n`;
    const [declared, undeclared, small] = [open(), open(), open()];
    small.write(`${form}content-length: 3\r\n\r\na=b`);
    await waitFor(() => small.heard().startsWith('HTTP/1.1 404 '));
    declared.write(`${form}content-length: 20000\r\n\r\n`);
    await waitFor(() => declared.heard().startsWith('HTTP/1.1 413 ') && !declared.isOpen(), soon);
    undeclared.write(`${form}transfer-encoding: chunked\r\n\r\n`);
    for (let at = 0; at < 20; at++) undeclared.write(`400\r\n${'x'.repeat(1024)}\r\n`);
    await waitFor(() => undeclared.heard().startsWith('HTTP/1.1 413 ') && !undeclared.isOpen(), soon);
    small.close();
  });

  test('connections beyond the limit are closed', async () => {
    const healthz = 'GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n';
    const many = Array.from({ length: connections + 15 }, open);
    for (const one of many) one.write(healthz);
    await waitFor(() => many.every((one) => !one.isOpen() || one.heard().includes('ok\n')));
    const served = many.filter((one) => one.isOpen());
    assert.ok(served.length > 0 && served.length <= connections, String(served.length));
    for (const one of many) one.close();
    await waitFor(async () => (await ask(`${dashboard.url}/healthz`)).status === 200);
  });
});

describe('a reader that reads nothing', () => {
  test('is disconnected', async () => {
    const limits = { requestMs: 30_000, silenceMs: 1000, connections: 20 };
    const dashboard = await ownDashboard({ limits });
    const stuck = line(dashboard.url);
    try {
      stuck.pause();
      const asset = 'GET /assets/style.css HTTP/1.1\r\nhost: localhost\r\n\r\n';
      const { body } = await ask(`${dashboard.url}/assets/style.css`);
      const wanted = Math.ceil(30_000_000 / body.length);
      stuck.write(asset.repeat(wanted));
      await sleep(5000);
      stuck.resume();
      await waitFor(() => !stuck.isOpen());
      assert.ok(stuck.heard().length < wanted * body.length, 'it was served everything');
    } finally {
      stuck.close();
      await dashboard.close();
    }
  });
});
