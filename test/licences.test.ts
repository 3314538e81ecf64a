import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { packageRoot } from '../src/lib/package.ts';

/** The allowed licences. Some are allowed only for development dependencies, which are not shipped. */
const allowed = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'ISC',
  'MIT',
  'MIT OR Apache-2.0',
  'MIT-0',
  'Unlicense',
]);
const allowedInTests = new Set(['BSD-2-Clause', 'CC0-1.0', 'MPL-2.0']);

interface Locked {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
}

const { packages } = JSON.parse(readFileSync(join(packageRoot, 'package-lock.json'), 'utf8')) as {
  readonly packages: Readonly<Record<string, Locked>>;
};

describe('licences', () => {
  test('every package of the lock file has an allowed licence', () => {
    assert.ok(Object.keys(packages).length > 200);
    const wrong = Object.entries(packages)
      .filter(
        ([, { license = '', dev }]) =>
          !allowed.has(license) && !(dev === true && allowedInTests.has(license)),
      )
      .map(([name, { license }]) => `${name}: ${license ?? 'says none'}`);
    assert.deepEqual(wrong, []);
  });

  test('the licences in the lock file are those of the packages', () => {
    const wrong: string[] = [];
    for (const [name, { license }] of Object.entries(packages)) {
      const own = licenceOf(name);
      if (own !== null && own !== license) wrong.push(`${name}: ${own}, and not ${license}`);
    }
    assert.deepEqual(wrong, []);
  });
});

/** Null: not installed, because it is for another platform. */
function licenceOf(name: string): string | null {
  const read = (): string => readFileSync(join(packageRoot, name, 'package.json'), 'utf8');
  try {
    const { license, licenses } = JSON.parse(read()) as {
      readonly license?: string | { readonly type: string };
      /** The older format of the field. */
      readonly licenses?: readonly { readonly type: string }[];
    };
    if (typeof license === 'string') return license;
    return license?.type ?? licenses?.map(({ type }) => type).join(' OR ') ?? null;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
