import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { memoryFromJson } from '../../src/database/memory.ts';
import { endings } from '../../src/docker/endings.ts';
import { dockerEngine } from '../../src/docker/engine.ts';
import type { Json } from '../../src/lib/json.ts';
import { pass } from '../../src/pass/pass.ts';
import { stateFileReader } from '../../src/state-file/read.ts';
import { type DecnetMessages, decnetMessages } from '../../src/worker/hearing.ts';
import { settingsOf } from '../harness/hostile-engine.ts';
import { type Bench, bench } from '../harness/pass.ts';
import { type Recording, recordedEngine, recordings } from '../harness/recording.ts';

/** Deckies that a deployment of the recording has only declared: they had no row before. */
const neverRan: Readonly<Record<string, readonly string[]>> = {
  '04-additive-deploy-during-build': ['web-02', 'iot-01'],
  '06-replace-fleet-during': ['cam-01'],
  '11a-build-failed-whole-fleet-down': ['new-01'],
};

/** Seconds since the file changed: so recently that a deployment may be under way. */
const fileAgeSeconds = 5;

const settings = { graceSeconds: 300, rolloutSeconds: 900 };

describe('a recording of a living host', () => {
  let it: Bench;
  const directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-living-'));
  before(async () => {
    it = await bench();
  });
  after(async () => {
    await it.close();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Runs passes over the recorded host, one for each message that came before the recording, and one at its moment. */
  async function observe(recording: Recording, rows: readonly string[]): Promise<void> {
    const { host_uuid: host, state_file: text, bus } = recording;
    for (const table of ['fleet_deckies', 'fleet_transitions', 'fleet_hosts'])
      await it.db.query(`delete from ${table}`);
    for (const name of rows)
      await it.db.query(
        `insert into fleet_deckies (host_uuid, name, services, state, updated_at, reconciled_at)
         values ('${host}', '${name}', '[]', 'running', now() - interval '1 hour', now() - interval '1 hour')`,
      );
    const path = join(directory, `${recording.name}.json`);
    if (text !== null) writeFileSync(path, text);
    if (text !== null) utimesSync(path, new Date(), new Date(Date.now() - fileAgeSeconds * 1000));
    const engine = await recordedEngine(recording);
    const { messages, say } = heard();
    const ports = {
      ...it.ports,
      engine: dockerEngine(settingsOf(engine)),
      stateFile: stateFileReader(path, host),
      hearing: messages,
    };
    try {
      for (const { topic, payload } of bus) {
        say(topic, payload);
        await pass({ host_uuid: host }, 'message', ports, settings);
      }
      await pass({ host_uuid: host }, 'recorded', ports, settings);
      const { changes } = (await pass({ host_uuid: host }, 'again', ports, settings)).plan;
      assert.deepEqual(changes, [], 'the same instant gives the same rows');
      await agrees(host, ports);
    } finally {
      await engine.stop();
    }
  }

  /** A dry run shows each row's decky as the row does. */
  async function agrees(host: string, ports: Bench['ports']): Promise<void> {
    const rows = await it.db.query<{ name: string; state: string; last_error: string | null }>(
      'select name, state, last_error from fleet_deckies order by name',
    );
    if (rows.length === 0) return;
    const deckies = rows.map(({ name }) => name);
    const { result } = await pass({ host_uuid: host, deckies, dry_run: true }, 'view', ports, settings);
    assert.deepEqual(
      result.deckies?.map(({ name, observed }) => ({
        name,
        state: observed?.state,
        last_error: observed?.reason,
      })),
      rows,
    );
    const cutOff = result.deckies
      ?.flatMap(({ observed }) => observed?.containers ?? [])
      .some((one) => one.cut_off);
    assert.equal(
      cutOff,
      rows.some(({ last_error: reason }) => reason?.includes('cut off')),
    );
  }

  const stateOf = async (name: string) =>
    (
      await it.db.query<{ state: string; last_error: string | null }>(
        `select state, last_error from fleet_deckies where name = '${name}'`,
      )
    )[0] ?? null;

  for (const recording of recordings) {
    const { verdicts, undeclared } = recording;
    const known = Object.keys(verdicts).filter((name) => !neverRan[recording.name]?.includes(name));
    for (const [when, rows] of [
      ['whose deckies were recorded before', known],
      ['that is seen for the first time', []],
    ] as const)
      test(`${recording.name}, ${when}`, async () => {
        await observe(recording, rows);
        for (const [name, verdict] of Object.entries(verdicts)) {
          const isHeld = recording.name.startsWith('08') && rows.length === 0;
          const row = await stateOf(name);
          if (verdict === null || isHeld) {
            assert.equal(row, null, `${name} has a row`);
            continue;
          }
          assert.equal(row?.state, verdict.state, `${name}: ${row?.last_error}`);
          const word = verdict.last_error_holds;
          if (word === null) assert.equal(row?.last_error, null, name);
          else assert.ok(row?.last_error?.includes(word), `${name}: ${row?.last_error}`);
        }
        const [host] = await it.db.query<{ notes: Json }>('select notes from fleet_hosts');
        const found = memoryFromJson(host?.notes ?? null).undeclared;
        const expected = recording.name.startsWith('08') && rows.length === 0 ? [] : undeclared;
        assert.deepEqual([...found.keys()].sort(), [...expected].sort());
      });
  }
});

/** DECNET's messages without a bus between. */
function heard(): { readonly messages: DecnetMessages; say(topic: string, payload: unknown): void } {
  const receivers: [pattern: RegExp, receive: (payload: unknown, scope: 'host', topic: string) => void][] =
    [];
  const messages = decnetMessages(
    {
      subscribe: (topic, receive) =>
        receivers.push([new RegExp(`^${topic.replaceAll('.', '\\.').replaceAll('*', '[^.]+')}$`), receive]),
    },
    endings().byName,
  );
  messages.start(() => undefined);
  return {
    messages,
    say: (topic, payload) => {
      for (const [pattern, receive] of receivers) if (pattern.test(topic)) receive(payload, 'host', topic);
    },
  };
}
