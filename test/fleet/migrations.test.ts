import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compareMigrations, isOfNewerVersion } from '../../src/fleet/migrations.ts';

const known = ['001-a', '002-b'];

describe('the record of migrations', () => {
  test('says which migrations are pending, and which this version does not know', () => {
    assert.deepEqual(compareMigrations(known, []), { pending: known, newer: [] });
    assert.deepEqual(compareMigrations(known, ['001-a']), { pending: ['002-b'], newer: [] });
    assert.deepEqual(compareMigrations(known, [...known, '003-c']), { pending: [], newer: ['003-c'] });
  });

  test('of a newer version is one that has all migrations of this version, and others', () => {
    assert.equal(isOfNewerVersion(compareMigrations(known, ['001-a'])), false);
    assert.equal(isOfNewerVersion(compareMigrations(known, known)), false);
    assert.equal(isOfNewerVersion(compareMigrations(known, [...known, '003-c'])), true);
    assert.throws(
      () => isOfNewerVersion(compareMigrations(known, ['001-a', '003-c'])),
      /does not know \(003-c\), and lacks 002-b/,
    );
  });
});
