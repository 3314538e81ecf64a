import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { databaseFault } from '../../src/lib/database-faults.ts';
import { FleetError } from '../../src/lib/errors.ts';

const fault = (code: string, message: string): FleetError => {
  const found = databaseFault(Object.assign(new Error(message), { code }), 'db.example/fleet');
  assert.ok(found instanceof FleetError);
  return found;
};

describe('what a person reads of an error of the database', () => {
  for (const [code, message] of [
    ['55P03', 'canceling statement due to lock timeout'],
    ['57014', 'canceling statement due to statement timeout'],
  ] as const)
    test(`${message}: it is not said that PostgreSQL does not run`, () => {
      const { code: ours, message: said, advice } = fault(code, message);
      assert.equal(ours, 'DATABASE_UNREACHABLE');
      assert.equal(said, `The database db.example/fleet did not answer in time: ${message}`);
      assert.match(advice ?? '', /pg_locks/);
    });

  test('a server that is gone', () => {
    const { message, advice } = fault('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:5432');
    assert.match(message, /^The database db\.example\/fleet does not answer: connect ECONNREFUSED/);
    assert.match(advice ?? '', /PostgreSQL is running/);
  });

  test('any other error stays what it is', () => {
    const error = Object.assign(new Error('division by zero'), { code: '22012' });
    assert.equal(databaseFault(error, 'db.example/fleet'), error);
  });
});
