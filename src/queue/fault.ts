import { SchemaMigrationRequiredError, SchemaVersionMismatchError } from 'bullmq';
import { databaseRefusal } from '../lib/database-faults.ts';
import { FleetError, reasonOf } from '../lib/errors.ts';
import { redisAdvice } from './redis-faults.ts';

/** Converts an error of the store into an error for users. */
export const queueFault = (location: string, error: unknown): FleetError =>
  error instanceof FleetError
    ? error
    : error instanceof SchemaMigrationRequiredError || error instanceof SchemaVersionMismatchError
      ? new FleetError('SCHEMA_MISSING', `The queues at ${location} do not have the tables of this version`, {
          advice: 'Run `decnet-fleet migrate`',
          cause: error,
        })
      : (databaseRefusal(error, location) ??
        new FleetError('QUEUE_UNREACHABLE', `The queues at ${location} do not answer: ${reasonOf(error)}`, {
          advice:
            redisAdvice(error) ??
            (location.startsWith('rediss')
              ? 'Check REDIS_URL, that the server is running, and that this port of it uses TLS'
              : 'Check REDIS_URL (if it is not set, DATABASE_URL) and that the server is running'),
          cause: error,
        }));
