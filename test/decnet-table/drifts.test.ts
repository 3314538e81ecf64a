import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDecnetTable } from '../../src/decnet-table/open.ts';
import { contentIn } from '../../src/fleet/decnet-table/content.ts';
import type { DecnetRow } from '../../src/fleet/decnet-table/row.ts';
import { sameTime } from '../../src/fleet/decnet-table/times.ts';
import { contentChanges } from '../../src/fleet/plan/content.ts';
import { isObject } from '../../src/lib/json.ts';
import { parseJson } from '../../src/lib/json-text.ts';
import { DecnetSync } from '../../src/pass/decnet-sync.ts';
import type { DecnetTable } from '../../src/pass/decnet-table.ts';
import { type PassOutcome, pass } from '../../src/pass/pass.ts';
import { DecnetPlayer, fixtureDeckies } from '../harness/decnet-player.ts';
import { type DecnetDatabase, fixture, type Standing, sqliteDecnet } from '../harness/decnet-table.ts';
import { declared, seen } from '../harness/facts.ts';
import { mariadbDecnet, noMariadb } from '../harness/mariadb.ts';
import { type Bench, bench } from '../harness/pass.ts';
import { fc } from '../harness/property.ts';
import { seed } from '../harness/seed.ts';

/** Longest that a write of DECNET's may wait: five times what is promised. */
const longestWaitMs = 250;
/** On each of so many fleets, which run side by side: most of the time is waiting for a grace. */
const [fleets, drifts] = [5, 40];

type Drift =
  | {
      readonly kind:
        | 'deploy'
        | 'tear down'
        | 'forget'
        | 'crash'
        | 'recover'
        | 'vanish'
        | 'tamper'
        | 'lie'
        | 'alter ours';
      readonly which: number;
    }
  | { readonly kind: 'services'; readonly which: number; readonly services: readonly string[] };

const which = fc.nat(7);
const anyDrift: fc.Arbitrary<Drift> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('deploy'), which }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('tear down', 'forget'), which }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('crash', 'recover', 'vanish'), which }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('tamper', 'lie', 'alter ours'), which }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('services' as const),
      which,
      services: fc.uniqueArray(fc.constantFrom('ssh', 'http', 'ftp', 'smtp_relay'), {
        minLength: 1,
        maxLength: 3,
      }),
    }),
  },
);

/** The grace must be longer than the table's precision, and than most passes on a slow machine. */
const kinds = [
  { title: 'SQLite', open: () => sqliteDecnet('wal'), digits: 6, graceSeconds: 0.8, skip: false },
  { title: 'MySQL (MariaDB)', open: () => mariadbDecnet(), digits: 0, graceSeconds: 2, skip: noMariadb },
] as const;

describe('200 random drifts, with DECNET writing', { concurrency: true }, () => {
  for (const [at, { title, open, digits, graceSeconds, skip }] of Array.from({ length: fleets }, () => kinds)
    .flat()
    .entries())
    describe(`${title}, fleet ${at}`, { skip }, () => {
      let database: DecnetDatabase;
      let player: DecnetPlayer;
      let sync: DecnetSync;
      let table: DecnetTable;
      let it: Bench;
      before(async () => {
        [database, it] = await Promise.all([open(), bench()]);
        player = new DecnetPlayer(database, digits);
        table = openDecnetTable(database.url);
        sync = new DecnetSync(table, 'local');
        it.ports.decnet = sync;
      });
      after(async () => {
        await sync?.close();
        await table?.close();
        await Promise.all([it?.close(), database?.remove()]);
      });

      const run = async (): Promise<PassOutcome> => {
        it.desired = declared(...player.file.values());
        it.observed = seen(...player.containers());
        return pass({ host_uuid: 'local' }, '1', it.ports, { graceSeconds, rolloutSeconds: 0 });
      };

      test('the tables agree after each of them, and what DECNET wrote is left to it', async (t) => {
        const deckies = fixtureDeckies(fixture('decnet.sqlite'));
        for (const decky of deckies) {
          player.file.set(decky.name, decky);
          player.start(decky.name);
        }
        await player.deploy();
        await run();
        await agree('at the start');
        let respected = 0;
        for (const [number, drift] of fc.sample(anyDrift, { numRuns: drifts, seed: seed + at }).entries()) {
          player.wrote.clear();
          await make(drift, deckies[drift.which % deckies.length]?.name ?? '');
          await player.reconcile();
          const observed = new Set([...(await player.rows()).values()].map(({ name }) => String(name)));
          await run();
          const passedAt = Date.now();
          const rows = await player.rows();
          for (const [name, { row, at: when }] of player.wrote) {
            // On a slow machine the grace may be over.
            if (passedAt - when >= graceSeconds * 1000 - (digits === 0 ? 1000 : 0)) continue;
            respected += 1;
            checkLeft(`${number} ${drift.kind}: ${name}`, row, rows.get(name), observed.has(name));
          }
          await agree(`after ${number}, ${JSON.stringify(drift)}`);
        }
        const longest = (await database.longestLockWaitMs()) ?? Math.max(...player.waits);
        t.diagnostic(
          `${respected} writes respected; longest wait of ${player.waits.length} writes of DECNET's: ${longest.toFixed(1)} ms`,
        );
        assert.ok(respected > drifts / 4, `only ${respected} writes were within the grace`);
        assert.ok(longest <= longestWaitMs, `a write of DECNET's took ${longest} ms`);
      });

      /** After the grace the tables agree; on a slow machine, where a pass does not wait for DECNET's table, some passes later. */
      async function agree(title: string): Promise<void> {
        await sleep(graceSeconds * 1000);
        let found = ['no pass has run'];
        for (const from = Date.now(); found.length > 0 && Date.now() - from < 10_000; ) {
          await run();
          found = await disagreements();
        }
        assert.deepEqual(found, [], title);
      }

      async function disagreements(): Promise<string[]> {
        const [ours, theirs] = [await ourRows(), await player.rows()];
        const others = [...theirs.keys()].filter((name) => !ours.some((row) => row.name === name));
        return [
          ...others.map((name) => `${name} is DECNET's alone`),
          ...ours.flatMap((row) =>
            differences(row, theirs.get(row.name)).map((one) => `${row.name}: ${one}`),
          ),
        ];
      }

      const ourRows = (): Promise<readonly OurColumns[]> =>
        it.db.query<OurColumns>(`select name, state, last_error, decky_ip, services, decky_config::text as decky_config,
          floor(extract(epoch from last_seen) * 1000000)::float8 as last_seen
          from fleet_deckies where host_uuid = 'local' order by name`);

      async function make(drift: Drift, name: string): Promise<void> {
        switch (drift.kind) {
          case 'deploy': {
            const decky = deckyNamed(name);
            if (decky !== undefined) player.file.set(name, decky);
            await player.deploy();
            for (const one of player.file.keys()) player.start(one);
            return;
          }
          case 'services':
            return player.changeServices(name, drift.services);
          case 'tear down':
          case 'forget':
            return player.tearDown(name, drift.kind === 'tear down');
          case 'crash': {
            const services = player.engine.get(name);
            const [first] = services?.keys() ?? [];
            if (first !== undefined) services?.set(first, 'exited');
            return;
          }
          case 'recover':
            return player.start(name);
          case 'vanish':
            return void player.engine.delete(name);
          case 'tamper':
            // As someone who repairs the table by hand, without its time.
            return database.run(
              `update fleet_deckies set decky_ip = '192.0.2.250', services = '[]' where host_uuid = 'local' and name = ?`,
              name,
            );
          case 'lie':
            return database.run(
              `update fleet_deckies set state = 'teardown_failed', last_error = 'x' where host_uuid = 'local' and name = ?`,
              name,
            );
          case 'alter ours':
            return void (await it.db.query(
              `update fleet_deckies set state = 'degraded', reconciled_at = updated_at where name = $1`,
              [name],
            ));
        }
      }
    });
});

const deckyNamed = (name: string) =>
  fixtureDeckies(fixture('decnet.sqlite')).find((decky) => decky.name === name);

/** What DECNET wrote within the grace. @param row null: it deleted the row */
function checkLeft(title: string, row: Standing | null, now: Standing | undefined, wasThere: boolean): void {
  if (row === null) {
    assert.equal(now, undefined, `${title} was inserted again`);
    return;
  }
  assert.ok(now !== undefined || !wasThere, `${title} was deleted`);
  for (const column of ['services', 'decky_config', 'decky_ip'])
    assert.equal(now?.[column], row[column], `${title}: ${column}`);
  assert.ok([row.state, 'running'].includes(now?.state ?? null), `${title}: ${now?.state}, not ${row.state}`);
}

interface OurColumns {
  readonly name: string;
  readonly state: string;
  readonly last_error: string | null;
  readonly decky_ip: string | null;
  readonly services: readonly string[];
  readonly decky_config: string;
  readonly last_seen: number | null;
  readonly [column: string]: unknown;
}

function differences(ours: OurColumns, theirs: Standing | undefined): readonly string[] {
  if (theirs === undefined) return ['there is none'];
  const text = (value: string | null | undefined): string | null => value ?? null;
  const config = parseJson(ours.decky_config);
  const row = {
    services: text(theirs.services),
    deckyConfig: text(theirs.decky_config),
    deckyIp: text(theirs.decky_ip),
  };
  return [
    ...(theirs.state === ours.state ? [] : [`state ${theirs.state}, not ${ours.state}`]),
    ...(text(theirs.last_error) === ours.last_error ? [] : [`last_error ${theirs.last_error}`]),
    ...(sameTime(text(theirs.last_seen), ours.last_seen) ? [] : [`last_seen ${theirs.last_seen}`]),
    ...(theirs.services === JSON.stringify(ours.services) ? [] : [`services ${theirs.services}`]),
    ...(isObject(config)
      ? contentChanges(contentIn(row as DecnetRow), {
          ip: ours.decky_ip ?? '',
          services: ours.services,
          config,
        })
      : ['our configuration is no object']),
  ];
}
