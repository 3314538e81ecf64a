import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { ping } from '../../src/notify/ping.ts';
import { freePort } from '../harness/services.ts';

const token = 'a1b2c3d4-secret';

describe('a heartbeat as a request', () => {
  const got: { readonly request: IncomingMessage; readonly at: string }[] = [];
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  const serve = async (name: string) => {
    const server = createServer((request, response) => {
      got.push({ request, at: name });
      answer(request, response);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  };
  let first: Awaited<ReturnType<typeof serve>>;
  let second: Awaited<ReturnType<typeof serve>>;
  before(async () => {
    [first, second] = [await serve('first'), await serve('second')];
  });
  after(() => {
    for (const { server } of [first, second]) server.close().closeAllConnections();
  });
  const send = (path: string, withinMs?: number) => {
    got.length = 0;
    const address = new URL(path, first.origin);
    address.username = 'me';
    address.password = 'pass%2Fword';
    return ping(address.href).send(new AbortController().signal, withinMs);
  };
  const redirect = (to: string) => (_: IncomingMessage, response: ServerResponse) =>
    void response.writeHead(302, { location: to }).end();

  test('is a GET of the whole address, with the login as a header', async () => {
    answer = (_, response) => void response.end('OK');
    assert.equal(await send(`/ping/${token}?status=up`), null);
    const [{ request } = { request: null }] = got;
    assert.deepEqual([request?.method, request?.url], ['GET', `/ping/${token}?status=up`]);
    assert.equal(request?.headers.authorization, `Basic ${Buffer.from('me:pass/word').toString('base64')}`);
    assert.equal(ping(`https://me:x@hc.example:8443/${token}?k=${token}`).origin, 'https://hc.example:8443');
  });

  test('says why it did not arrive, and nothing secret', async () => {
    for (const [how, reason] of [
      [(_: unknown, response: ServerResponse) => void response.writeHead(404).end(token), 'it answered 404'],
      [(_: unknown, response: ServerResponse) => void response.writeHead(500).end(), 'it answered 500'],
      [(request: IncomingMessage) => void request.socket.destroy(), 'UND_ERR_SOCKET'],
      [redirect('ftp://127.0.0.1/x'), 'it redirects to another scheme (ftp://)'],
      [redirect('https://127.0.0.1/x'), 'it redirects to another scheme (https://)'],
      [redirect('http://['), 'it redirects to what is not an address'],
      [redirect(`/ping/${token}`), 'it redirects more than 3 times'],
    ] as const) {
      answer = how;
      assert.equal(await send(`/ping/${token}`), reason);
    }
    assert.equal(
      await ping(`http://127.0.0.1:${await freePort()}/${token}`).send(new AbortController().signal),
      'ECONNREFUSED',
    );
  });

  test('has a time limit, also for the answer after a redirect', async () => {
    answer = ({ url }, response) => {
      if (url === '/begin') response.writeHead(302, { location: '/hangs' }).end();
    };
    assert.equal(await send('/begin', 300), 'no answer within 0.3 s');
    assert.equal(got.length, 2);
  });

  test('follows redirects within its scheme, and keeps the login from other addresses', async () => {
    answer = ({ url }, response) => {
      if (url === '/moved') response.writeHead(301, { location: `${second.origin}/there` }).end();
      else response.end();
    };
    assert.equal(await send('/moved'), null);
    assert.deepEqual(
      got.map(({ at, request }) => [at, request.url, request.headers.authorization !== undefined]),
      [
        ['first', '/moved', true],
        ['second', '/there', false],
      ],
    );
  });
});
