import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type BuildBench, buildBench } from '../harness/build.ts';
import type { Finished } from '../harness/cli.ts';
import { runHere } from '../harness/run-here.ts';

let bench: BuildBench;
beforeEach(() => {
  bench = buildBench();
});
afterEach(() => bench.remove());

describe('check', () => {
  const check = (content: string, ...args: string[]): Promise<Finished> => {
    writeFileSync(bench.out, content);
    return runHere(['check', bench.out, ...args], {});
  };
  const decky = (name: string, more: object = {}): object => ({
    name,
    ip: '10.0.0.3',
    services: ['ssh'],
    ...more,
  });
  const file = (...deckies: object[]): string => JSON.stringify({ config: { deckies } });

  test('valid: one line, with the hosts; a warning where a pass would warn', async () => {
    const content = file(
      decky('a', { host_uuid: 'h1' }),
      decky('b', { host_uuid: 'h1' }),
      decky('c', { host_uuid: 'h2' }),
    );
    const mine = await check(content, '--host', 'h2');
    assert.deepEqual(
      [mine.code, mine.stdout, mine.stderr],
      [0, `${bench.out}: valid, 3 deckies: 1 of host h2, 2 of host h1\n`, ''],
    );
    const others = await check(content);
    assert.deepEqual(
      [others.code, others.stdout],
      [0, `${bench.out}: valid, 3 deckies: 2 of host h1, 1 of host h2\n`],
    );
    assert.equal(
      others.stderr,
      `decnet-fleet: warning: ${bench.out} declares 3 deckies, none of host local; it names h1 and h2\n`,
    );
    assert.equal((await check(file())).stdout, `${bench.out}: valid, 0 deckies\n`);
  });

  test('every error is a line with file and field; exit 1, nothing on stdout', async () => {
    const done = await check(
      JSON.stringify({
        config: { ipvlan: 'no', deckies: [decky('a', { ip: 'x', nmap_os: 7 }), decky('b'), 5, decky('b')] },
      }),
    );
    assert.deepEqual([done.code, done.stdout], [1, '']);
    assert.deepEqual(done.stderr.trimEnd().split('\n'), [
      `decnet-fleet: ${bench.out}: config.ipvlan must be true or false, not "no"`,
      `decnet-fleet: ${bench.out}: config.deckies[0].ip must be an IP address, not "x"`,
      `decnet-fleet: ${bench.out}: config.deckies[0].nmap_os must be a text or null, not 7`,
      `decnet-fleet: ${bench.out}: config.deckies[2] must be an object, not 5`,
      `decnet-fleet: ${bench.out}: config.deckies[3].name "b" is already that of config.deckies[1] on host local`,
    ]);
  });

  test('invalid JSON, missing file, missing directory: exit 1; wrong usage: exit 2', async () => {
    const cut = await check('{"config": {');
    assert.deepEqual([cut.code, cut.stdout], [1, '']);
    assert.equal(cut.stderr, `decnet-fleet: ${bench.out}: is not JSON (line 1, column 13)\n`);
    for (const path of [join(bench.directory, 'none.json'), join(bench.directory, 'none', 'x.json')]) {
      const none = await runHere(['check', path], {});
      assert.deepEqual([none.code, none.stdout], [1, '']);
      assert.ok(!existsSync(path) && none.stderr.includes(path));
    }
    assert.equal((await runHere(['check'], {})).code, 2);
    assert.equal((await runHere(['check', bench.out, '--host', 'a/b'], {})).code, 2);
  });
});
