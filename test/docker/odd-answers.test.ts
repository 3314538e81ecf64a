import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { dockerEngine } from '../../src/docker/engine.ts';
import { type Answer, longText, raw, refused, settingsOf, withEngine } from '../harness/hostile-engine.ts';

describe('an engine that answers with', () => {
  const list = (answer: Answer) =>
    withEngine([[/^\/containers\/json$/, answer]], async (engine) => {
      const limits = { listingMs: { base: 2000, perContainer: 1, max: 2000 } };
      const asked = dockerEngine(settingsOf(engine), limits);
      return asked.list({ only: null, containers: 0, generation: '0' });
    });
  const isUnreachable = async (answer: Answer): Promise<string> => {
    const listed = await list(answer);
    assert.equal(listed.kind, 'unreachable');
    const reason = listed.kind === 'unreachable' ? listed.reason : '';
    assert.ok(reason.length <= 500, `${reason.length} characters`);
    assert.match(reason, /^[^\p{Cc}\p{Zl}\p{Zp}]+$/u);
    return reason;
  };

  test('a redirect is not followed, wherever it points', async () => {
    await withEngine([], async (other) => {
      const socket = other.host.replace('unix://', '');
      for (const location of [
        'ftp://a/',
        '::',
        '//',
        'http://',
        'javascript:1',
        `http://unix:${socket}:/`,
        '/info',
      ])
        for (const status of [301, 307])
          assert.match(
            await isUnreachable((response) => void response.writeHead(status, { location }).end('moved')),
            /HTTP code 30\d/,
          );
      assert.deepEqual(other.asked, []);
    });
  });

  test('a status other than 200 is not a listing', async () => {
    for (const status of [201, 204, 206, 304, 404, 418, 503, 999])
      assert.match(await isUnreachable(refused(status, '')), new RegExp(`HTTP code ${status}`));
  });

  test('something other than HTTP is unreachable', async () => {
    for (const text of [
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n[]',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n[]',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      `HTTP/1.1 200 OK\r\nX: ${longText}\r\n\r\n[]`,
      `HTTP/1.1 200 ${longText}\r\n\r\n[]`,
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;${longText}\r\n`,
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ${longText}\r\n`,
      `${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(10_000)}`,
      'HTTP/9.9 abc\r\n\r\n',
      longText,
    ])
      await isUnreachable(raw(text));
  });

  test('a long error with many lines and control characters gives a short plain reason', async () => {
    for (const message of [
      'no \u0007\u001b[2J\n\u2028 \u0000room '.repeat(1000),
      '😀'.repeat(1000),
      '\ud83d',
    ])
      assert.match(
        await isUnreachable(refused(500, JSON.stringify({ message }))),
        /HTTP code 500\) server error - \S/,
      );
  });

  test('an error in another format gives its text as the reason', async () => {
    for (const [said, words] of [
      ['{"message":"no room"}', 'no room'],
      ['{"error":"no room"}', 'no room'],
      ['{"message":5}', '{"message":5}'],
      ['null', 'null'],
      ['<html>no</html>', '<html>no</html>'],
    ] as const)
      assert.ok(
        (await isUnreachable(refused(400, said))).endsWith(`(HTTP code 400) bad parameter - ${words}`),
      );
  });
});
