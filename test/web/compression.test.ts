import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { acceptsGzip } from '../../src/web/compression.ts';
import { type OwnDashboard, ownDashboard } from '../harness/dashboard.ts';

test('what a client accepts', () => {
  const offers: readonly [string | undefined, boolean][] = [
    [undefined, false],
    ['', false],
    ['identity', false],
    ['gzip, deflate, br', true],
    ['GZIP;q=0.5', true],
    ['gzip;q=0, *', false],
    ['gzip; q=0.000', false],
    ['br, *;q=0.1', true],
    ['*;q=0', false],
    ['x-gzip-like', false],
  ];
  for (const [header, accepted] of offers) assert.equal(acceptsGzip(header), accepted, String(header));
});

describe('answers are compressed', () => {
  let dashboard: OwnDashboard;
  before(async () => {
    dashboard = await ownDashboard();
  });
  after(() => dashboard?.close());
  const ask = (
    path: string,
    method = 'GET',
    accepts = 'gzip',
  ): Promise<{ headers: Record<string, unknown>; body: Buffer }> =>
    new Promise((done, fail) => {
      const asked = request(
        dashboard.url + path,
        { method, headers: { 'accept-encoding': accepts } },
        (reply) => {
          const chunks: Buffer[] = [];
          reply.on('data', (chunk: Buffer) => chunks.push(chunk));
          reply.on('end', () => done({ headers: reply.headers, body: Buffer.concat(chunks) }));
        },
      );
      asked.on('error', fail).end();
    });

  test('a page, a script and an error, with the same content as without', async () => {
    for (const path of [
      '/',
      '/assets/live.js',
      '/assets/merge.js',
      '/assets/style.css',
      '/hosts/none-such',
    ]) {
      const [plain, small] = [await ask(path, 'GET', 'identity'), await ask(path)];
      assert.equal(plain.headers['content-encoding'], undefined);
      const isLong = plain.body.length >= 1024;
      assert.equal(small.headers['content-encoding'], isLong ? 'gzip' : undefined, path);
      assert.equal((isLong ? gunzipSync(small.body) : small.body).toString(), plain.body.toString(), path);
      if (!isLong) continue;
      assert.ok(
        small.body.length < plain.body.length / 1.5,
        `${path}: ${small.body.length} of ${plain.body.length}`,
      );
      assert.equal(small.headers['content-length'], String(small.body.length));
      assert.match(String(plain.headers.vary), /accept-encoding/);
    }
  });

  test('a short answer, HEAD and the event stream are sent as they are', async () => {
    assert.equal((await ask('/healthz')).headers['content-encoding'], undefined);
    assert.equal((await ask('/', 'HEAD')).body.length, 0);
    assert.equal((await ask('/api/events', 'HEAD')).headers['content-encoding'], undefined);
  });
});
