import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { packageRoot } from '../../src/lib/package.ts';

/** Whether a message matches its schema in docs/schemas. */
export const notificationSchema = (): ValidateFunction =>
  new Ajv2020({ allErrors: true }).compile(
    JSON.parse(readFileSync(join(packageRoot, 'docs/schemas/notification.schema.json'), 'utf8')),
  );
