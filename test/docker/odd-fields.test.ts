import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { endings } from '../../src/docker/endings.ts';
import { watchEngine } from '../../src/docker/events.ts';
import { containerOf, listedOf } from '../../src/docker/listed.ts';
import { entryOf, inspectedOf } from '../../src/docker/listing.ts';
import { budgetOf } from '../../src/docker/listing-stream.ts';
import { faultReason, keptText } from '../../src/docker/words.ts';
import type { Container } from '../../src/fleet/plan/container-match.ts';
import type { Json } from '../../src/lib/json.ts';
import type { Trigger } from '../../src/worker/triggers.ts';
import { hostileEngine, settingsOf } from '../harness/hostile-engine.ts';
import { listingOf } from '../harness/listing.ts';
import { fc } from '../harness/property.ts';
import { waitFor } from '../harness/wait.ts';

async function* inOne(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}
const read = (text: string): Promise<readonly Container[]> =>
  listingOf(inOne(text), (listed) => containerOf(listedOf(entryOf(listed), 1_000_000)));
const readOne = async (fields: object): Promise<Container> => {
  const [one] = await read(JSON.stringify([{ Names: ['/web'], ...fields }]));
  assert.ok(one !== undefined);
  return one;
};

/** Any JSON, including strings and numbers as Docker sends them. */
const odd = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom('running', 'Up 3 seconds', 'Exited (1) now', '/web', '', '\ud800', 'a\u0000b'),
  fc.constantFrom(-1, 2 ** 60, 1e308),
);
const labels = fc.record(
  { 'decnet.fleet.decky': odd, 'decnet.fleet.service_name': odd },
  { requiredKeys: [] },
);
const container = fc.record(
  {
    Id: odd,
    Names: fc.oneof(odd, fc.array(odd)),
    Labels: fc.oneof(odd, labels),
    State: odd,
    Status: odd,
    Created: odd,
    Ports: odd,
  },
  { requiredKeys: [] },
);

const plain = /^(its answer is not a list|it listed a container without a name|its list of containers)/;

function isSound(one: Container): void {
  for (const [text, max] of [
    [one.name, 256],
    [one.decky ?? '', 129],
    [one.service ?? '', 256],
    [one.state, 64],
  ] as const) {
    assert.equal(typeof text, 'string');
    assert.ok(text.length <= max, `${text.length}`);
    assert.doesNotMatch(text, /[\p{Cc}\p{Cs}]/u);
  }
  assert.ok(Number.isFinite(one.createdAt));
  assert.ok(one.exitCode === null || Number.isSafeInteger(one.exitCode));
  assert.equal(typeof one.unhealthy, 'boolean');
}

describe('a container whose fields are of any type', () => {
  test('is read, or its list is rejected', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(container, odd), { maxLength: 4 }), async (containers) => {
        try {
          for (const one of await read(JSON.stringify(containers))) isSound(one);
        } catch (error) {
          if (!(error instanceof Error) || error instanceof assert.AssertionError) throw error;
          assert.match(error.message, plain);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('in a text that is almost JSON is read, or its list is rejected', async () => {
    const pieces = fc.constantFrom(
      ...[
        '[',
        ']',
        '{',
        '}',
        ',',
        ':',
        '"',
        '\\',
        ' ',
        'null',
        '1e999',
        '"Names"',
        '"Labels"',
        '"Id"',
        '"/web"',
      ],
      ...['"decnet.fleet.decky"', '"State"', '\u0000', 'é', '["/web"]', '{"Names":["/web"]', '"Created"'],
    );
    await fc.assert(
      fc.asyncProperty(fc.array(pieces, { maxLength: 30 }), async (found) => {
        try {
          for (const one of await read(`[${found.join('')}`)) isSound(one);
        } catch (error) {
          if (!(error instanceof Error) || error instanceof assert.AssertionError) throw error;
          assert.match(error.message, plain);
        }
      }),
      { numRuns: 5000 },
    );
  });

  test('with deeply nested fields', async () => {
    const deep = '['.repeat(250_000) + ']'.repeat(250_000);
    const one = await read(`[{"Names":["/web",${deep}],"State":${deep},"Labels":{"a":${deep}}}]`).catch(
      (error: unknown) => error,
    );
    assert.ok(
      one instanceof Error ? plain.test(one.message) || /larger than/.test(one.message) : true,
      `${one}`,
    );
  });

  test('with impossible numbers', async () => {
    assert.equal((await read('[{"Names":["/web"],"Created":1e999}]'))[0]?.createdAt, 0);
    assert.equal((await readOne({ Status: `Exited (${'9'.repeat(400)}) now` })).exitCode, null);
    assert.equal((await readOne({ Status: 'Exited (1e999) now' })).exitCode, null);
    assert.equal((await readOne({ Status: 'Exited (3221225786) now' })).exitCode, 3221225786);
    assert.deepEqual((await readOne({ State: 'running', Status: `Up ${'9'.repeat(400)} seconds` })).loop, {
      kind: 'none',
    });
  });

  test('with long texts keeps their beginnings, but never a decky’s name', async () => {
    const long = 'x'.repeat(100_000);
    const one = await readOne({
      Names: [`/${long}`],
      Labels: { 'decnet.fleet.decky': long, 'decnet.fleet.service_name': long },
      State: long,
      Status: long,
    });
    assert.deepEqual(
      [one.name.length, one.decky?.length, one.service?.length, one.state.length],
      [256, 129, 256, 64],
    );
  });

  test('many containers with long texts need little memory', async () => {
    const text = (at: number): string => `${at}-${'x'.repeat(500_000)}`;
    async function* many(): AsyncGenerator<Buffer> {
      yield Buffer.from('[');
      for (let at = 0; at < 300; at++)
        yield Buffer.from(`${at === 0 ? '' : ','}${JSON.stringify({ Names: [text(at)], State: text(at) })}`);
      yield Buffer.from(']');
    }
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    const found = await listingOf(many(), (listed) => containerOf(listedOf(entryOf(listed), 0)));
    assert.equal(found.length, 300);
    collectGarbage();
    const grown = process.memoryUsage().heapUsed - before;
    assert.ok(grown < 50e6, `${Math.round(grown / 1e6)} MB`);
  });
});

describe('a container that arrives in small pieces', () => {
  test('is not read again for each piece', async () => {
    const bytes = Buffer.from(`[{"Names":["/web"],"a":"${'x'.repeat(1_000_000)}"}]`);
    async function* pieces(): AsyncGenerator<Buffer> {
      for (let at = 0; at < bytes.length; at += 16) yield bytes.subarray(at, at + 16);
    }
    const before = process.cpuUsage();
    const found = await listingOf(pieces(), (listed) => containerOf(listedOf(entryOf(listed), 0)));
    assert.equal(found.length, 1);
    // CPU time in microseconds: elapsed time depends on the load of the machine.
    const { user } = process.cpuUsage(before);
    assert.ok(user < 5e6, `${user / 1e6} s`);
  });

  test('has the same size limit as in one piece', async () => {
    const limits = { listingBytes: 1e9, containers: 10, containerBytes: 1000 };
    for (const size of [1, 7, 100, 5000]) {
      const list = (length: number): AsyncGenerator<Buffer> => {
        const text = `[{"Names":["/a"]},{"Names":["/web"],"a":"${'x'.repeat(length)}"}]`;
        return (async function* () {
          for (let at = 0; at < text.length; at += size) yield Buffer.from(text.slice(at, at + size));
        })();
      };
      const same = <T>(one: T): T => one;
      assert.equal((await listingOf(list(900), same, budgetOf(limits))).length, 2);
      await assert.rejects(listingOf(list(1000), same, budgetOf(limits)), /a container larger than/);
    }
  });
});

describe('an inspection whose fields are of any type', () => {
  const now = Date.parse('2026-01-01T00:00:00Z') / 1000;
  const ofLoop = (restarts: unknown, started: unknown) =>
    inspectedOf({ RestartCount: restarts, State: { StartedAt: started } } as Json, now).loop;

  test('shows a loop, or leaves it open, and the rest of the window never exceeds the window', () => {
    assert.deepEqual(ofLoop(3, '2025-12-31T23:59:00Z'), { kind: 'loop', endsIn: 240 });
    assert.deepEqual(ofLoop(2, '2025-12-31T23:59:00Z'), { kind: 'none' });
    assert.deepEqual(ofLoop(-5, '2025-12-31T23:59:00Z'), { kind: 'none' });
    assert.deepEqual(ofLoop(9, '0001-01-01T00:00:00Z'), { kind: 'none' });
    assert.deepEqual(ofLoop(9, '9999-01-01T00:00:00Z'), { kind: 'loop', endsIn: 300 });
    for (const started of ['soon', '', 5, null, {}, undefined, '+999999-01-01T00:00:00Z'])
      assert.deepEqual(ofLoop(9, started), { kind: 'suspect' }, String(started));
    for (const restarts of ['9', null, {}, undefined])
      assert.deepEqual(ofLoop(restarts, '2025-12-31T23:59:00Z'), { kind: 'suspect' });
  });

  test('accepts any value', () => {
    fc.assert(
      fc.property(odd, odd, odd, (a, b, c) => {
        for (const inspected of [
          a,
          { RestartCount: a, State: b },
          { RestartCount: a, State: { StartedAt: c } },
        ]) {
          const { loop } = inspectedOf(inspected as Json, now);
          if (loop.kind !== 'loop') continue;
          assert.ok(loop.endsIn !== null && loop.endsIn > 0 && loop.endsIn <= 300, String(loop.endsIn));
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('events whose fields are of any type', () => {
  test('are ignored, and later events are not', async () => {
    const actors: readonly unknown[] = [
      5,
      null,
      [],
      { ID: 'x'.repeat(1_000_000), Attributes: { name: 'too-long-an-id' } },
      { ID: 5, Attributes: { name: 'no-id' } },
      { ID: 'a', Attributes: 5 },
      { ID: 'b', Attributes: { name: 5, oldName: ['x'], 'decnet.fleet.decky': null } },
      { ID: 'c', Attributes: { 'decnet.fleet.decky': {} } },
      { ID: '\ud800', Attributes: { name: 'half-a-character' } },
      { ID: 'd', Attributes: { 'decnet.fleet.decky': 'y'.repeat(100_000) } },
      { ID: 'e', Attributes: { name: `/${'z'.repeat(100_000)}`, oldName: '/old' } },
      { ID: 'f', Attributes: { name: 'last' } },
    ];
    const lines = ['', 'null', '5', '[]', '{', 'Actor', ...actors.map((Actor) => JSON.stringify({ Actor }))];
    const expected = [
      { kind: 'containers', names: ['half-a-character'] },
      { kind: 'decky', name: 'y'.repeat(129) },
      { kind: 'containers', names: ['z'.repeat(256), 'old'] },
      { kind: 'containers', names: ['last'] },
    ].map((trigger) => JSON.stringify(trigger));
    const engine = await hostileEngine([
      [/^\/events$/, (response) => void response.write(`${lines.join('\r\n')}\r\n`)],
    ]);
    const [triggers, faults] = [[] as Trigger[], [] as unknown[]];
    const watching = watchEngine(settingsOf(engine), endings()).start(
      (trigger) => triggers.push(trigger),
      (error) => faults.push(error),
    );
    try {
      await watching.ready;
      await waitFor(() => triggers.length >= 4);
      assert.deepEqual(faults, []);
      // They are inspected in parallel, in any order.
      assert.deepEqual(new Set(triggers.map((trigger) => JSON.stringify(trigger))), new Set(expected));
    } finally {
      await watching.close();
      await engine.stop();
    }
  });
});

describe('texts from the engine', () => {
  test('are kept when they are short and printable', () => {
    for (const text of ['', 'web-ssh', 'Straße 😀', 'a b']) assert.equal(keptText(text, 64), text);
  });

  test('are otherwise shortened, and unprintable characters are replaced', () => {
    assert.equal(keptText('abcdef', 3), 'abc');
    assert.equal(keptText('a\u0000b\nc\u001b[2J', 64), 'a\ufffdb\ufffdc\ufffd[2J');
    assert.equal(keptText('ab😀', 3), 'ab\ufffd', 'no half of a character');
    assert.equal(keptText('web\n', 64) === 'web', false);
  });

  test('in a reason have one line of at most 500 characters', () => {
    const reason = faultReason(new Error(`a\nb\u0007${'c'.repeat(10_000)}`), 'unix:///x: ');
    assert.equal(reason.length, 500);
    assert.ok(reason.startsWith('unix:///x: a b\ufffdccc'), reason);
  });
});
