import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pino } from 'pino';
import { type ErrorCode, FleetError } from '../../src/lib/errors.ts';
import { untilMigrated, untilReachable } from '../../src/worker/until-reachable.ts';

/** Runs attempts that fail with these codes, one after another, and then succeed. @returns what was logged */
async function attempts(wait: typeof untilMigrated, codes: readonly ErrorCode[]): Promise<readonly string[]> {
  const logged: string[] = [];
  const log = pino({}, { write: (line: string) => void logged.push(JSON.parse(line).msg) });
  const left = [...codes];
  const ask = async (): Promise<void> => {
    const code = left.shift();
    if (code !== undefined) throw new FleetError(code, code);
  };
  await wait(ask, () => false, log);
  return logged;
}

const notMigrated = 'the database is not migrated to this version; waiting';
const migrated = 'the database is migrated to this version';

describe('a process that waits for its stores', { concurrency: true }, () => {
  test('logs once what is missing, and once that it is there', async () =>
    assert.deepEqual(await attempts(untilReachable, ['DATABASE_UNREACHABLE', 'QUEUE_UNREACHABLE']), [
      'a store does not answer; retrying',
      'all stores answer again',
    ]));

  test('waits for the schema if it may, and then for the privileges on it', async () =>
    assert.deepEqual(await attempts(untilMigrated, ['SCHEMA_MISSING', 'NOT_PERMITTED']), [
      notMigrated,
      migrated,
    ]));

  test('logs what is missing next', async () =>
    assert.deepEqual(await attempts(untilMigrated, ['DATABASE_UNREACHABLE', 'SCHEMA_MISSING']), [
      'a store does not answer; retrying',
      notMigrated,
      migrated,
    ]));

  test('fails if no attempt can succeed', async () => {
    await assert.rejects(attempts(untilReachable, ['SCHEMA_MISSING']), { code: 'SCHEMA_MISSING' });
    await assert.rejects(attempts(untilMigrated, ['NOT_PERMITTED']), { code: 'NOT_PERMITTED' });
  });
});
