import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { endings } from '../../src/docker/endings.ts';
import { dockerEngine } from '../../src/docker/engine.ts';
import { watchEngine } from '../../src/docker/events.ts';
import { packageRoot } from '../../src/lib/package.ts';
import type { Choice, Found } from '../harness/engine-user.ts';
import {
  type Answer,
  body,
  endless,
  type HostileEngine,
  longText,
  refused,
  settingsOf,
  trickle,
  withEngine,
} from '../harness/hostile-engine.ts';
import { waitFor } from '../harness/wait.ts';

const [listing, inspection, events] = [/^\/containers\/json$/, /^\/containers\/[^/]*\/json$/, /^\/events$/];
const [ping, info] = [/^\/_ping$/, /^\/info$/];

/** Runs the product's client in a process with a memory limit. */
async function use(engine: HostileEngine, choice: Omit<Choice, 'host' | 'maxMemory'>): Promise<Found> {
  const asked = JSON.stringify({ ...choice, host: engine.host, maxMemory: 350e6 } satisfies Choice);
  const program = join(packageRoot, 'test/harness/engine-user.ts');
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--max-old-space-size=256', program, asked],
    { timeout: 60_000, killSignal: 'SIGKILL', maxBuffer: 1e9 },
  );
  return JSON.parse(stdout) as Found;
}

const listed = (at: number): string =>
  `${JSON.stringify({ Id: `${at}`, Names: [`/web-${at}`], State: 'running', Status: 'Up 2 hours', Ports: 'p'.repeat(1000) })},`;
const suspect = `[{"Id":"a","Names":["/web"],"State":"running","Status":"Up 2 seconds","Created":1}]`;

describe('an engine whose answers have no end', () => {
  const list = async (answer: Answer, choice: Partial<Choice> = {}) =>
    withEngine([[listing, answer]], async (engine) => {
      const { answer } = await use(engine, { ask: 'list', ...choice });
      return (answer as { kind: 'unreachable'; reason: string }).reason.replace(engine.host, 'HOST');
    });

  for (const [what, limits, words] of [
    ['bytes', { listingBytes: 64 * 1024 * 1024 }, '64 MiB or 500,000 containers'],
    ['containers', { containers: 20_000 }, '1 GiB or 20,000 containers'],
  ] as const)
    test(`a listing with too many ${what} is rejected`, async () => {
      assert.equal(
        await list(endless('[', listed), { limits }),
        `HOST: its list of containers is longer than ${words}`,
      );
    });

  test('listings of some deckies share the limits of one listing', async () => {
    const only = Array.from({ length: 100 }, (_, at) => `web-${at}`);
    assert.match(
      await list(endless('[', listed), { only, limits: { containers: 20_000 } }),
      /is longer than/,
    );
  });

  test('a listing of only blanks is rejected', async () => {
    const blanks = ' '.repeat(64 * 1024);
    assert.match(
      await list(
        endless('[', () => blanks),
        { limits: { listingBytes: 4 * 1024 * 1024 } },
      ),
      /is longer than/,
    );
  });

  for (const [what, next] of [
    ['text', longText],
    ['list', '"a",['.repeat(10_000)],
    ['label', '\\"'.repeat(30_000)],
  ] as const)
    test(`a container that is an endless ${what} is rejected`, async () => {
      const first = `[{"Names":["/web"],"Labels":{"decnet.fleet.decky":${what === 'list' ? '[' : '"'}`;
      assert.equal(await list(endless(first, () => next)), 'HOST: it listed a container larger than 1 MiB');
    });

  test('a long error message for a listing is not read to its end', async () => {
    const reason = await list(endless('{"message":"', () => longText, 500));
    assert.equal(reason, 'HOST: (HTTP code 500) server error - the message is too long');
  });

  test('an inspection is given up', async () => {
    for (const status of [200, 404, 500]) {
      const answers = [
        [listing, body(suspect)],
        [inspection, endless('{"State":"', () => longText, status)],
      ] as const;
      const { answer } = await withEngine(answers, (engine) => use(engine, { ask: 'list' }));
      const { containers } = answer as { containers: readonly { loop: unknown }[] };
      assert.deepEqual(
        containers.map(({ loop }) => loop),
        [{ kind: 'suspect' }],
      );
    }
  });

  test('/info is given up', async () => {
    for (const [status, words] of [
      [200, 'its answer is larger than 4 MiB'],
      [500, '(HTTP code 500) server error - the message is too long'],
    ] as const) {
      const answer = endless('"', () => longText, status);
      const found = await withEngine([[info, answer]], (engine) => use(engine, { ask: 'info' }));
      assert.deepEqual(found.info, { rejected: words });
    }
  });

  /** An event that ends the test. */
  const last = '{"Actor":{"ID":"end","Attributes":{"decnet.fleet.decky":"end"}}}\n';
  /** Answers so the first time, and then normally. */
  const onceSo = (first: Answer): Answer => {
    let count = 0;
    return (response, request) => {
      count += 1;
      if (count === 1) first(response, request);
      else response.write(last);
    };
  };
  const watch = (answers: readonly (readonly [RegExp, Answer])[], limits: Choice['limits'] = {}) =>
    withEngine(answers, async (engine) => {
      const found = await use(engine, { ask: { watchUntil: 'end' }, limits });
      return { ...found, engine };
    });

  test('an endless line of events is reported, and the stream is reopened', async () => {
    const { faults, triggers, engine } = await watch([[events, onceSo(endless('{"a":"', () => longText))]]);
    assert.deepEqual(faults, [`${engine.host}: a line of its events is longer than 1 MiB`]);
    assert.deepEqual(triggers, { everything: 1, decky: 1 });
  });

  test('a stream that breaks immediately is reopened with increasing pauses', async () => {
    await withEngine([[events, body('{}\n')]], async (engine) => {
      const watching = watchEngine(settingsOf(engine), endings()).start(
        () => undefined,
        () => undefined,
      );
      await sleep(4000);
      await watching.close();
      // After 0.2, 0.6, 1.4 and 3 s.
      const tries = engine.asked.length;
      assert.ok(tries >= 3 && tries <= 6, String(tries));
    });
  });

  test('a long error message for the events is not read to its end', async () => {
    const { faults } = await watch([[events, onceSo(endless('"', () => longText, 500))]]);
    assert.match(faults?.join() ?? '', /HTTP code 500/);
  });

  for (const status of [200, 500])
    test(`an endless ping with status ${status} does not count`, async () => {
      const answers = [
        [events, onceSo((response) => response.flushHeaders())],
        [ping, endless('OK', () => longText, status)],
      ] as const;
      const { triggers, engine } = await watch(answers, { pingEveryMs: 300 });
      assert.ok(engine.asked.includes('/_ping'));
      assert.equal(triggers?.decky, 1);
    });

  test('a flood of events causes one full observation, and concurrent inspections are limited', async () => {
    let sent = 0;
    const flood: Answer = (response) => {
      const write = (): void => {
        while (sent < 200_000) {
          sent += 1;
          const actor = { ID: `${sent}`, Attributes: { name: `box-${sent}`, image: 'i'.repeat(300) } };
          if (!response.write(`${JSON.stringify({ Type: 'container', Actor: actor })}\n`))
            return void response.once('drain', write);
        }
        setTimeout(() => response.write(last), 1000);
      };
      write();
    };
    const inspected: Answer = (response) => void setTimeout(() => response.end('{}'), 5);
    const { triggers, faults, longestDelay, engine } = await watch(
      [
        [events, flood],
        [inspection, inspected],
      ],
      { askMs: 1000 },
    );
    assert.equal(sent, 200_000);
    assert.deepEqual(faults, []);
    assert.ok((triggers?.everything ?? 0) >= 1, JSON.stringify(triggers));
    assert.ok((triggers?.containers ?? 0) < 100_000, JSON.stringify(triggers));
    assert.ok(engine.maxOpen(inspection) <= 8, String(engine.maxOpen(inspection)));
    assert.ok(longestDelay < 2000, String(longestDelay));
  });
});

describe('an engine whose answers end too late', () => {
  const list = (answers: readonly (readonly [RegExp, Answer])[], choice: Partial<Choice> = {}) =>
    withEngine(answers, async (engine) => {
      const limits = { listingMs: { base: 1000, perContainer: 100_000, max: 2000 }, askMs: 500 };
      const { answer } = await use(engine, { ask: 'list', limits, ...choice });
      // No request stays open after it is given up.
      await waitFor(() => engine.open() === 0, 10_000);
      return answer as { kind: string; reason: string; containers: readonly { loop: unknown }[] };
    });

  for (const [what, answer] of [
    ['containers that never stop', trickle('[', listed(1), 5)],
    ['one container', trickle('[{"a":"', 'x', 5)],
    ['why it refuses', trickle('"', 'x', 5, 500)],
  ] as const)
    test(`${what}, a piece at a time`, async () => {
      const { reason } = await list([[listing, answer]]);
      assert.match(reason, /did not answer within 1 s$/);
    });

  test('an inspection, a piece at a time', async () => {
    const answers = [
      [listing, body(suspect)],
      [inspection, trickle('"', 'x', 5)],
    ] as const;
    const { containers } = await list(answers);
    assert.deepEqual(containers[0]?.loop, { kind: 'suspect' });
  });

  test('/info, a piece at a time', async () => {
    const found = await withEngine([[info, trickle('"', 'x', 5)]], (engine) =>
      use(engine, { ask: 'info', limits: { askMs: 500 } }),
    );
    assert.match(JSON.stringify(found.info), /abort/);
  });

  test('if one of several listings fails, the others are given up, too', async () => {
    const answer: Answer = (response, request) => {
      if (request.url?.includes('decky%3Db')) refused(500, '{"message":"no more"}')(response, request);
      else trickle('[', ' ', 5)(response, request);
    };
    const only = ['a', 'b', 'c', 'd'];
    const limits = { listingMs: { base: 60_000, perContainer: 0, max: 60_000 } };
    await withEngine([[listing, answer]], async (engine) => {
      const asked = dockerEngine(settingsOf(engine), limits);
      const answer = await asked.list({ only: new Set(only), containers: 0, generation: '0' });
      assert.match(JSON.stringify(answer), /no more/);
      await waitFor(() => engine.open() === 0, 10_000);
    });
  });
});
