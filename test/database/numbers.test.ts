import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { pages } from '../../src/database/queries/pages.ts';
import type { JobData } from '../../src/fleet/job.ts';
import { parseJobResult } from '../../src/fleet/job-result.ts';
import { equalJson } from '../../src/lib/json.ts';
import { parseJson } from '../../src/lib/json-text.ts';
import { type PassOutcome, pass } from '../../src/pass/pass.ts';
import { parseStateFile } from '../../src/state-file/parse.ts';
import { numberText } from '../harness/numbers.ts';
import { type Bench, bench } from '../harness/pass.ts';
import { fc } from '../harness/property.ts';

let it: Bench;
before(async () => {
  it = await bench();
});
after(() => it.close());

const run = (more: Partial<JobData> = {}): Promise<PassOutcome> =>
  pass({ host_uuid: 'local', ...more }, '1', it.ports, { graceSeconds: 0, rolloutSeconds: 0 });

/** A decky's object as the file writes it. @param more further fields as JSON */
const deckyText = (name: string, more: string): string =>
  `{"name":"${name}","ip":"192.0.2.7","services":["ssh"],${more}}`;
const declare = async (...deckies: readonly string[]): Promise<void> => {
  const file = Buffer.from(`{"config":{"deckies":[${deckies.join(',')}]}}`);
  it.desired = await parseStateFile(file, 'state.json', 'local');
};
/** For each decky, whether its row equals the text that PostgreSQL stores for the file's. */
const rowsOf = (
  texts: readonly string[],
): Promise<readonly { config: string; said: string; version: string }[]> =>
  it.db.query(
    `select decky_config::text as config, said::jsonb::text as said, d.xmin::text as version
     from unnest($1::text[]) said join fleet_deckies d on name = said::jsonb ->> 'name' order by name`,
    [texts],
  );

describe('numbers of the state file in the table', () => {
  test('are exactly those of the file, and are written once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(numberText, numberText, numberText), { minLength: 60, maxLength: 60 }),
        async (numbers) => {
          const texts = numbers.map(([one, other, third], at) =>
            deckyText(
              `web-${at}`,
              `"mutate_interval":${one},"service_config":{"ssh":{"port":${other},"list":[${third},{"a":${one}}]}}`,
            ),
          );
          await declare(...texts);
          await run();
          const rows = await rowsOf(texts);
          assert.equal(rows.length, 60);
          for (const { config, said } of rows) assert.equal(config, said);
          const planned = (await run({ dry_run: true })).result;
          assert.deepEqual(planned.changes, []);
          // Another reading of the file, and a ledger that knows no row.
          await declare(...texts);
          const { result } = await run();
          assert.deepEqual([result.inserted, result.config_updated, result.state_updated], [0, 0, 0]);
          assert.deepEqual(await rowsOf(texts), rows);
        },
      ),
      { numRuns: 15 },
    );
  });

  test('a row with another notation is updated once', async () => {
    const text = deckyText('web', '"mutate_interval":1.0,"last_mutated":0.0,"id":750727362669608961');
    await declare(text);
    await it.db.query('delete from fleet_deckies');
    await run();
    await it.db.query(
      `update fleet_deckies set decky_config = '{"name":"web","ip":"192.0.2.7","services":["ssh"],
        "mutate_interval":1,"last_mutated":0,"id":750727362669609000}', reconciled_at = updated_at`,
    );
    const first = await run();
    assert.equal(first.result.config_updated, 1);
    const [row] = await rowsOf([text]);
    assert.equal(row?.config, row?.said);
    assert.match(
      row?.config ?? '',
      /"id": 750727362669608961.*"last_mutated": 0\.0.*"mutate_interval": 1\.0/,
    );
    assert.equal((await run()).result.config_updated, 0);
    await declare(deckyText('web', '"mutate_interval":1,"last_mutated":0.0,"id":750727362669608961'));
    assert.equal((await run()).result.config_updated, 1);
    assert.equal((await run()).result.config_updated, 0);
  });

  test('times that upstream rewrites are no change, however they are spelled', async () => {
    await declare(deckyText('web', '"last_mutated":0.0'));
    await it.db.query('delete from fleet_deckies');
    await run();
    await declare(deckyText('web', '"last_mutated":0'));
    assert.equal((await run()).result.config_updated, 0);
  });

  test('are kept by the pages and by a dry run through a queue', async () => {
    const more =
      '"mutate_interval":1.0,"service_config":{"ssh":{"port":22.0,"big":750727362669608961,"pin":1.0}}';
    const text = deckyText('web', more);
    await declare(text);
    await run();
    const recorded = await pages(it.database.query, 30).decky('local', 'web');
    assert.ok(equalJson(recorded?.decky_config, parseJson(text)));
    const { result } = await run({ dry_run: true, deckies: ['web'] });
    // As every store of jobs encodes them.
    const [view] = parseJobResult(JSON.parse(JSON.stringify(result)), 'local').deckies ?? [];
    assert.ok(equalJson(view?.desired, parseJson(text.replace('"pin":1.0', '"pin":"***"'))));
    assert.deepEqual(Object.keys(view ?? {}).sort(), ['desired', 'name', 'observed']);
  });

  test('a number that PostgreSQL cannot store is an error of the file, and the largest possible one is not', async () => {
    const fits = ['1e131071', '-1e131071', '1e-16383', '0e-16383', '0e999999', `${'9'.repeat(131_072)}`];
    for (const number of fits) {
      const text = deckyText('web', `"big":${number}`);
      await declare(text);
      await run();
      const [row] = await rowsOf([text]);
      assert.ok(row !== undefined && row.config === row.said, number.slice(0, 20));
      await declare(text);
      assert.equal((await run()).result.config_updated, 0);
    }
    for (const number of ['1e131072', '1e-16384', '0e-16384', '1e99999999999', '-1e-99999999999999999999']) {
      await assert.rejects(declare(deckyText('web', `"big":[${number}]`)), {
        message: 'state.json: config.deckies[0].big[0] is a number of more digits than can be stored',
      });
      await assert.rejects(it.db.query('select $1::jsonb', [number]), number);
    }
    // In a row each is as long as all its digits.
    await assert.rejects(
      declare(deckyText('web', `"big":[${Array(20).fill('1e99999').join(',')}]`)),
      /is longer than/,
    );
    await assert.rejects(
      declare(deckyText('web', `"big":[${Array(9000).fill('1e300').join(',')}]`)),
      /is longer than/,
    );
  });
});
