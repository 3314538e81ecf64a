import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { endings } from '../../src/docker/endings.ts';
import { dockerEngine } from '../../src/docker/engine.ts';
import { watchEngine } from '../../src/docker/events.ts';
import {
  type Answer,
  body,
  type HostileEngine,
  refused,
  settingsOf,
  trickle,
  withEngine,
} from '../harness/hostile-engine.ts';
import { waitFor } from '../harness/wait.ts';

const listing = /^\/containers\/json$/;
const web = '{"Id":"a","Names":["/web"],"State":"running","Status":"Up 2 hours"}';
const limits = { listingMs: { base: 2000, perContainer: 1, max: 2000 } };
const cut =
  (text: string): Answer =>
  (response) => {
    response.writeHead(200, { 'content-length': 1000 });
    response.write(text, () => response.destroy());
  };

/** Gives these answers in turn, then the last one repeatedly. */
function oneAfterAnother(...answers: readonly Answer[]): Answer {
  let count = 0;
  return (response, request) => answers[Math.min(count++, answers.length - 1)]?.(response, request);
}

const list = (engine: HostileEngine, only: readonly string[] | null = null) =>
  dockerEngine(settingsOf(engine), limits).list({
    only: only === null ? null : new Set(only),
    containers: 0,
    generation: '0',
  });

describe('a listing that fails once', () => {
  for (const [what, first] of [
    ['by a server error', refused(500, '{"message":"in a race"}')],
    ['since a proxy finds no engine', refused(502, 'bad gateway')],
    ['by a connection that is closed', (response) => response.destroy()],
    ['by a connection that is closed half-way', cut(`[${web},`)],
    ['by an end that comes too early', body(`[${web},`)],
  ] as const satisfies readonly (readonly [string, Answer])[])
    test(`${what} is retried`, async () => {
      await withEngine([[listing, oneAfterAnother(first, body(`[${web}]`))]], async (engine) => {
        const answer = await list(engine);
        assert.deepEqual(answer.kind === 'ok' && answer.containers.map(({ name }) => name), ['web']);
        assert.equal(engine.asked.length, 2);
      });
    });

  test('is retried when it is one of several', async () => {
    let isFirst = true;
    const answer: Answer = (response, request) => {
      const fails = isFirst && request.url?.includes('decky%3Db') === true;
      if (fails) isFirst = false;
      (fails ? refused(500, '{"message":"in a race"}') : body(`[${web}]`))(response, request);
    };
    await withEngine([[listing, answer]], async (engine) => {
      assert.equal((await list(engine, ['web', 'b'])).kind, 'ok');
      await waitFor(() => engine.open() === 0, 10_000);
    });
  });
});

describe('a listing that fails', () => {
  test('twice is unreachable, with the reason of the second attempt', async () => {
    const answer = oneAfterAnother(refused(500, '{"message":"one"}'), refused(500, '{"message":"two"}'));
    await withEngine([[listing, answer]], async (engine) => {
      assert.match(JSON.stringify(await list(engine)), /unreachable.*server error - two/);
      assert.equal(engine.asked.length, 2);
    });
  });

  for (const [what, answer, words] of [
    ['forbidden', refused(403, '{"message":"not for you"}'), /403.*not for you/],
    ['no listing', body('{}'), /is not a list of containers/],
    ['too late', trickle('[', ' ', 5), /did not answer within 2 s/],
  ] as const)
    test(`since it is ${what} is not retried`, async () => {
      await withEngine([[listing, answer]], async (engine) => {
        assert.match(JSON.stringify(await list(engine)), words);
        assert.deepEqual(engine.asked, ['/containers/json']);
      });
    });

  test('and then hangs has the time limit of one listing', async () => {
    const answer = oneAfterAnother(refused(500, '{"message":"one"}'), () => undefined);
    await withEngine([[listing, answer]], async (engine) => {
      assert.match(JSON.stringify(await list(engine)), /did not answer within 2 s/);
      assert.equal(engine.asked.length, 2);
      await waitFor(() => engine.open() === 0, 10_000);
    });
  });
});

test('a socket proxy that refuses pings does not interrupt the events', async () => {
  const answers = [
    [/^\/events$/, (response) => response.flushHeaders()],
    [/^\/_ping$/, refused(403, 'forbidden')],
  ] as const satisfies readonly (readonly [RegExp, Answer])[];
  await withEngine(answers, async (engine) => {
    const watching = watchEngine(settingsOf(engine), endings(), { pingEveryMs: 50 }).start(
      () => undefined,
      () => undefined,
    );
    const pings = (): number => engine.asked.filter((path) => path === '/_ping').length;
    await waitFor(() => pings() > 5, 10_000);
    await watching.close();
    assert.equal(engine.asked.filter((path) => path === '/events').length, 1);
  });
});
