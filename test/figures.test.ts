import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { figuresFile, filled, filledFiles, type Run } from '../bench/figures.ts';
import { packageRoot } from '../src/lib/package.ts';

describe('the figures of the documents', () => {
  const runs = JSON.parse(readFileSync(figuresFile, 'utf8')) as readonly Run[];
  for (const file of filledFiles)
    test(`${file} has those of docs/figures.json`, () => {
      const document = readFileSync(join(packageRoot, file), 'utf8');
      assert.match(document, /<!-- begin [^>]+ -->/);
      assert.equal(filled(document, runs), document, 'run `npm run figures`');
    });
});
