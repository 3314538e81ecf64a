import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { KnownEntries } from '../../src/docker/known-entries.ts';
import { type Entry, entryOf, type ListedContainer } from '../../src/docker/listing.ts';
import { listingOf, pieces } from '../harness/listing.ts';
import { fc } from '../harness/property.ts';

/** What the engine says of one container. The number stands for its id. */
interface Said {
  readonly id: number;
  readonly status: string;
}

const idOf = (id: number): string => id.toString(16).padStart(64, '0').split('').reverse().join('');

const textOf = (said: readonly Said[]): string =>
  JSON.stringify(
    said.map(({ id, status }) => ({
      Id: idOf(id),
      Names: [`/web-${id}`],
      State: status.startsWith('Up') ? 'running' : 'exited',
      Status: status,
    })),
  );

/** A listing read with a memory, and how many of its containers were parsed. */
async function readWith(
  known: KnownEntries<Entry>,
  said: readonly Said[],
  cuts: readonly number[] = [],
): Promise<{ entries: readonly Entry[]; parsed: number }> {
  let parsed = 0;
  const of = (container: ListedContainer): Entry => {
    parsed += 1;
    return entryOf(container);
  };
  return { entries: await listingOf(pieces(textOf(said), cuts), of, undefined, known), parsed };
}

const many = (count: number, status = 'Up 2 hours'): Said[] =>
  Array.from({ length: count }, (_, id) => ({ id, status }));

describe('a listing after another one', () => {
  test('is read as if it were the first, whatever has changed', async () => {
    const said = fc.uniqueArray(
      fc.record({
        id: fc.nat(40),
        status: fc.constantFrom('Up 2 hours', 'Up 3 hours', 'Exited (137) 2 hours ago'),
      }),
      { selector: ({ id }) => id, maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(said, fc.array(fc.nat(), { maxLength: 5 })), { minLength: 2, maxLength: 5 }),
        async (listings) => {
          const known = new KnownEntries<Entry>();
          for (const [containers, cuts] of listings) {
            const { entries } = await readWith(known, containers, cuts);
            assert.deepEqual(entries, await listingOf(pieces(textOf(containers), []), entryOf));
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test('parses only what has changed', async () => {
    const known = new KnownEntries<Entry>();
    const all = many(1000);
    const changes: readonly [what: string, said: readonly Said[], parsed: number][] = [
      ['the first', all, 1000],
      ['the same', all, 0],
      ['one died', all.with(500, { id: 500, status: 'Exited (137) 1 second ago' }), 1],
      ['it runs again, and another one died', all.with(7, { id: 7, status: 'Exited (1) 1 second ago' }), 2],
      ['five were removed', all.toSpliced(7, 5), 0],
      ['three came first', [...many(1003).slice(1000), ...all.toSpliced(7, 5)], 3],
      ['all are an hour older', many(1000, 'Up 3 hours'), 1000],
      ['the same once more', many(1000, 'Up 3 hours'), 0],
    ];
    for (const [what, said, parsed] of changes)
      assert.equal((await readWith(known, said)).parsed, parsed, what);
  });

  test('after one that broke off is compared with the last complete one', async () => {
    const known = new KnownEntries<Entry>();
    await readWith(known, many(10));
    const dead = textOf(many(10, 'Exited (1) 1 second ago')).slice(0, -1);
    await assert.rejects(listingOf(pieces(dead, []), entryOf, undefined, known), /ended too early/);
    assert.equal((await readWith(known, many(10))).parsed, 0);
  });

  test('two at the same time do not disturb each other', async () => {
    const known = new KnownEntries<Entry>();
    const cuts = Array.from({ length: 50 }, (_, at) => at * 97);
    const [up, down] = [many(100), many(100, 'Exited (0) 1 second ago')];
    for (const round of [0, 1, 2]) {
      const both = await Promise.all([readWith(known, up, cuts), readWith(known, down, cuts)]);
      assert.ok(
        both[0].entries.every(({ container: { state } }) => state === 'running'),
        `round ${round}`,
      );
      assert.ok(
        both[1].entries.every(({ container: { state } }) => state === 'exited'),
        `round ${round}`,
      );
    }
  });

  test('does not keep the bytes of what has changed', async () => {
    const known = new KnownEntries<Entry>();
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    // In each listing one container is new and then stays, and with it the buffer that it shares with those that change.
    for (let round = 0; round < 300; round++) {
      const stay = many(10_000 + round).slice(10_000);
      await readWith(known, [...many(1500, `Up ${2 + round} hours`), ...stay]);
    }
    collectGarbage();
    const grown = process.memoryUsage().arrayBuffers - before;
    assert.ok(grown < 20e6, `${Math.round(grown / 1e6)} MB`);
    // It is still in use here.
    assert.equal((await readWith(known, many(1))).entries.length, 1);
  });
});
