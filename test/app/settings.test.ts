import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { secretNames, settingNames, settingOf } from '../../src/app/settings.ts';
import { packageRoot } from '../../src/lib/package.ts';
import { settingsFile, settingsText } from '../harness/settings-reference.ts';

test('docs/configuration.md is what `npm run reference` writes', () => {
  assert.equal(readFileSync(settingsFile, 'utf8'), settingsText());
});

test('the contract has each setting, with its default if it is a value', () => {
  const contract = readFileSync(join(packageRoot, 'docs', 'CONTRACT.md'), 'utf8');
  const [, environment = ''] = /\n## Environment\n([\s\S]*?)\n## /.exec(contract) ?? [];
  const rows = [...environment.matchAll(/^\| (`[A-Z][^|]*) \| ([^|]*) \|/gm)];
  const defaults = new Map(
    rows.flatMap(([, names = '', usual = '']) =>
      [...names.matchAll(/`([A-Z_]+)`/g)].map(([, name = '']) => [name, usual.replaceAll('`', '')] as const),
    ),
  );
  assert.deepEqual([...defaults.keys()].sort(), [...settingNames, 'DECNET_FLEET_CONFIG'].sort());
  for (const name of settingNames) {
    const { fallback } = settingOf(name);
    if (fallback !== null && name !== 'DECNET_BUS_ENABLED') assert.equal(defaults.get(name), fallback, name);
  }
  const [secrets = ''] = environment.split('|');
  for (const name of secretNames) assert.ok(secrets.includes(`\`${name}\``), name);
});

test('each setting says what holds without it', () => {
  for (const name of settingNames) {
    const { fallback, unset, help } = settingOf(name);
    assert.ok(fallback !== null || unset !== undefined, name);
    assert.match(help, /^[A-Z].*\.$/, name);
  }
});
