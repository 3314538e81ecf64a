import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseJobData } from '../../src/fleet/job.ts';

describe('the data of a job', () => {
  for (const data of [
    { host_uuid: 'h' },
    { host_uuid: 'h', deckies: ['web'], dry_run: true, cause: 'docker' },
    { host_uuid: 'h', deckies: ['web'], dry_run: true, logs: 50 },
  ]) {
    test(`${JSON.stringify(data)} is taken`, () => assert.deepEqual(parseJobData(data, 'h'), data));
  }

  for (const [data, why] of [
    [null, /not an object/],
    ['h', /not an object/],
    [42, /not an object/],
    [[], /not an object/],
    [{}, /names no host_uuid/],
    [{ host_uuid: {} }, /host_uuid is not valid/],
    [{ host_uuid: 'other' }, /for host other, this is the queue of h/],
    [{ host_uuid: 'h', extra: 1 }, /unknown field "extra"/],
    [JSON.parse('{"host_uuid": "h", "__proto__": {}}'), /unknown field "__proto__"/],
    [{ host_uuid: 'h', deckies: 'web' }, /deckies is not valid/],
    [{ host_uuid: 'h', deckies: [] }, /deckies is not valid/],
    [{ host_uuid: 'h', deckies: ['a/b'] }, /deckies is not valid/],
    [{ host_uuid: 'h', dry_run: 'yes' }, /dry_run is not valid/],
    [{ host_uuid: 'h', cause: 'boredom' }, /cause is not valid/],
    [{ host_uuid: 'h', deckies: ['web'], dry_run: true, logs: 51 }, /logs is not valid/],
    [{ host_uuid: 'h', deckies: ['web'], dry_run: true, logs: 1.5 }, /logs is not valid/],
    [{ host_uuid: 'h', deckies: ['web'], logs: 5 }, /logs are read only by a dry run that names deckies/],
    [{ host_uuid: 'h', dry_run: true, logs: 5 }, /logs are read only by a dry run that names deckies/],
  ] as const) {
    test(`${JSON.stringify(data)} is refused`, () => {
      assert.throws(() => parseJobData(data, 'h'), { code: 'JOB_REFUSED', message: why });
    });
  }
});
