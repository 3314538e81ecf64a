import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { containerLogs, logText } from '../../src/docker/logs.ts';
import { noEngine, type TestEngine, testEngine } from '../harness/docker.ts';
import { endless, longText, settingsOf, withEngine } from '../harness/hostile-engine.ts';
import { waitFor } from '../harness/wait.ts';

const part = (stream: number, text: string): Buffer => {
  const head = Buffer.alloc(8);
  head.writeUInt8(stream, 0);
  head.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([head, Buffer.from(text)]);
};

describe('the text of a log', () => {
  for (const [what, body, expected] of [
    ['nothing', Buffer.alloc(0), ''],
    ['of both streams', Buffer.concat([part(1, 'out\n'), part(2, 'error\n')]), 'out\nerror\n'],
    ['with an empty part', Buffer.concat([part(1, ''), part(2, 'x')]), 'x'],
    ['of a terminal', Buffer.from('plain\r\nlines\r\n'), 'plain\r\nlines\r\n'],
    ['of a terminal, that begins like a head', Buffer.from('\u0001\0\0\0'), '\u0001\0\0\0'],
    [
      'of a terminal, with a length that is too large',
      Buffer.from('\u0001\0\0\0\u007f\0\0\0x'),
      '\u0001\0\0\0\u007f\0\0\0x',
    ],
    ['with a head of no stream', part(3, 'x'), part(3, 'x').toString()],
  ] as const)
    test(what, () => assert.equal(logText(body), expected));
});

describe('the log of a container', { skip: noEngine }, () => {
  let engine: TestEngine;
  before(async () => {
    engine = await testEngine();
  });
  after(() => engine.stop());

  const readOf = (name: string, lines: number) =>
    containerLogs(settingsOf(engine)).read(name, lines, AbortSignal.timeout(5000));
  const ended = async (name: string, command: string): Promise<void> => {
    await engine.make({ name, command });
    await waitFor(async () => (await engine.container(name).inspect()).State.Status === 'exited');
  };

  test('has its last lines, of both streams', async () => {
    await ended(
      'web-ssh',
      'for i in 1 2 3 4 5; do echo "line $i"; done; sleep 0.1; echo "no space" >&2; exit 3',
    );
    assert.deepEqual(await readOf('web-ssh', 3), ['line 4', 'line 5', 'no space']);
  });
  test('may be empty', async () => {
    await ended('quiet', 'exit 1');
    assert.deepEqual(await readOf('quiet', 3), ['']);
  });
  test('of no container is an error', () => assert.rejects(readOf('gone', 3), /[Nn]o such container/));
});

describe('an engine that is broken', () => {
  for (const [what, answer] of [
    ['is too long', endless('', () => longText)],
    ['never comes', () => undefined],
  ] as const)
    test(`has no log that ${what}`, () =>
      withEngine([[/logs$/, answer]], (hostile) =>
        assert.rejects(containerLogs(settingsOf(hostile)).read('web', 10, AbortSignal.timeout(1000))),
      ));
});
