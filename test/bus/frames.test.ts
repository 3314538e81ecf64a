import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeFrame, frameReader } from '../../src/bus/decnet-frames.ts';
import { controlAction, requesterOf, stateTopic } from '../../src/fleet/topics.ts';
import { fc } from '../harness/property.ts';

describe('frames of DECNET’s bus', () => {
  test('match BUS.md byte for byte', () => {
    assert.deepEqual(encodeFrame('HELLO', 'x'), Buffer.from('HELLO x\n\0\0\0\0', 'latin1'));
    assert.deepEqual(encodeFrame('BYE'), Buffer.from('BYE\n\0\0\0\0', 'latin1'));
    assert.deepEqual(
      encodeFrame('PUB', 'a.b', '{"é":1}'),
      Buffer.concat([Buffer.from('PUB a.b\n\0\0\0\u0008', 'latin1'), Buffer.from('{"é":1}')]),
    );
  });

  test('are read from any chunks', () => {
    const frame = fc.record({
      verb: fc.constantFrom('EVT', 'PUB', 'BYE'),
      args: fc.stringMatching(/^[a-z.:%0-9]{1,30}$/),
      body: fc.string({ unit: 'grapheme', maxLength: 50 }),
    });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 5 }), fc.array(fc.nat(400)), (frames, cuts) => {
        const bytes = Buffer.concat(frames.map(({ verb, args, body }) => encodeFrame(verb, args, body)));
        const read = frameReader();
        const edges = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
        const found = edges.slice(1).flatMap((end, at) => read(bytes.subarray(edges[at], end)));
        assert.deepEqual(
          found,
          frames.map((one) => ({ ...one })),
        );
      }),
    );
  });

  test('a CR before the LF is tolerated, and blanks around the args', () => {
    assert.deepEqual(frameReader()(Buffer.from('EVT  a.b \r\n\0\0\0\0', 'latin1')), [
      { verb: 'EVT', args: 'a.b', body: '' },
    ]);
  });

  test('invalid data ends the reading, and memory stays bounded', () => {
    assert.throws(() => frameReader()(Buffer.alloc(5000, 'x')), /has no end/);
    assert.throws(() => frameReader()(Buffer.from('EVT a\n\u0001\0\0\0', 'latin1')), /too long/);
    assert.throws(() => encodeFrame('PUB', 'a', 'x'.repeat(1_048_577)), /longer than/);
    assert.throws(() => encodeFrame('PUB', 'x'.repeat(4096)), /longer than/);
  });
});

describe('topics', () => {
  test('a token contains no dot', () => {
    assert.equal(stateTopic('a.b', 'web.corp'), 'decky.a%2Eb:web%2Ecorp.state');
  });

  for (const [payload, scope, action] of [
    [{ action: 'stop' }, 'host', 'stop'],
    [{ action: 'stop' }, 'fleet', 'names no host'],
    [{ action: 'stop', host_uuid: 'me' }, 'fleet', 'stop'],
    [{ action: 'stop', host_uuid: 'me' }, 'host', 'stop'],
    [{ action: 'stop', host_uuid: '*' }, 'fleet', 'stop'],
    [{ action: 'stop', host_uuid: 'other' }, 'fleet', 'none'],
    [{ action: 'stop', host_uuid: 'other' }, 'host', 'none'],
    [{ action: 'start', host_uuid: 'me' }, 'fleet', 'none'],
    [{}, 'host', 'none'],
    [null, 'host', 'none'],
    ['stop', 'host', 'none'],
    [7, 'fleet', 'none'],
    [['stop'], 'fleet', 'none'],
  ] as const) {
    test(`control ${JSON.stringify(payload)} from the ${scope}: ${action}`, () => {
      assert.equal(controlAction(payload, 'me', scope), action);
    });
  }

  for (const [payload, by] of [
    [{ requested_by: 'admin' }, 'admin'],
    [{ requested_by: ' admin\n' }, 'admin'],
    [{ requested_by: 'a\u001b[2J\nb\0\u202e' }, 'a\ufffd[2J\ufffdb\ufffd\ufffd'],
    [{ requested_by: 'x'.repeat(1_000_000) }, `${'x'.repeat(99)}…`],
    [{ requested_by: '\ud800' }, '\ufffd'],
    [{ requested_by: '' }, null],
    [{ requested_by: ' ' }, null],
    [{ requested_by: { toString: 0 } }, null],
    [{ requested_by: ['admin'] }, null],
    [{}, null],
    ['admin', null],
    [null, null],
  ] as const) {
    test(`${JSON.stringify(payload).slice(0, 60)} is from ${by?.slice(0, 20) ?? 'nobody known'}`, () => {
      assert.equal(requesterOf(payload), by);
    });
  }
});
