import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { keyOf, secretNames } from '../../src/app/settings.ts';
import { packageRoot } from '../../src/lib/package.ts';
import { findProgram } from '../harness/program.ts';
import { runHere } from '../harness/run-here.ts';

const run = promisify(execFile);
const directory = join(packageRoot, 'deploy', 'systemd');
const units = readdirSync(directory).filter((file) => file.endsWith('.service'));
const text = (file: string): string => readFileSync(join(directory, file), 'utf8');
const program = await findProgram('systemd-analyze');

test('no name begins as those that DECNET removes or conflicts with', () => {
  assert.deepEqual(units, [
    'fleet-dashboard.service',
    'fleet-migrate.service',
    'fleet-scheduler.service',
    'fleet-worker.service',
  ]);
  for (const unit of units) {
    const lines = text(unit)
      .split('\n')
      .filter((line) => !line.startsWith('#'));
    const paths = lines.flatMap((line) => line.match(/\/(?:opt|etc|usr|var|run|srv)\/[^\s]*/g) ?? []);
    assert.ok(paths.length >= 3, paths.join());
    // Of the installed package itself only its own directory below `node_modules` has the name.
    for (const path of paths)
      assert.doesNotMatch(path.replace('/node_modules/decnet-fleet/', '/'), /\/decnet/, `${unit}: ${path}`);
    assert.match(text(unit), /^User=fleet$/m);
  }
});

test('each unit runs a command that there is, from the directory where npm puts it', async () => {
  const { bin } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
    bin: Readonly<Record<string, string>>;
  };
  for (const unit of units) {
    const [, script = '', command = ''] = /^ExecStart=\S+ (\S+) (\S+)/m.exec(text(unit)) ?? [];
    assert.equal(script, `/opt/fleet/node_modules/decnet-fleet/${bin['decnet-fleet']}`);
    assert.equal(command, basename(unit, '.service').replace('fleet-', ''));
    assert.equal((await runHere([command, '--help'], {})).code, 0);
  }
});

test('what runs until it is stopped is watched, and has time for what it must end', () => {
  for (const unit of units.filter((one) => one !== 'fleet-migrate.service')) {
    const value = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(text(unit))?.[1] ?? '';
    assert.equal(value('Type'), 'notify');
    // `systemd-notify` is a child of the process.
    assert.equal(value('NotifyAccess'), 'all');
    assert.equal(value('WatchdogSec'), '60');
    // Not the default, which writes a core dump with passwords.
    assert.equal(value('WatchdogSignal'), 'SIGKILL');
    assert.equal(value('Restart'), 'always');
  }
});

test('the environment files have only variables that the contract has', () => {
  const contract = readFileSync(join(packageRoot, 'docs', 'CONTRACT.md'), 'utf8');
  for (const file of ['worker.env', 'master.env'])
    for (const [, name = ''] of text(file).matchAll(/^#?([A-Z][A-Z_]+)=/gm))
      if (name === 'DASHBOARD_LISTEN') assert.ok(text('fleet-dashboard.service').includes(`\${${name}}`));
      else assert.ok(contract.includes(`\`${name}\``), `${file}: ${name}`);
});

test('the credentials that units offer are known, and are secrets', () => {
  const names = units.flatMap((unit) =>
    [...text(unit).matchAll(/^#LoadCredential=([^:]+):\/etc\/fleet\/\1$/gm)].map(([, name]) => name),
  );
  assert.ok(names.length > 5, names.join());
  const known = secretNames.map(keyOf);
  assert.deepEqual(
    names.filter((name) => !known.includes(name ?? '')),
    [],
  );
});

describe('systemd-analyze', {
  skip: program === null && 'systemd: there is no systemd-analyze on this machine',
}, () => {
  let copies: string;
  before(() => {
    copies = mkdtempSync(join(tmpdir(), 'decnet-fleet-units-'));
    cpSync(directory, copies, { recursive: true });
    // A Node that is here: the file is looked for.
    for (const unit of units)
      writeFileSync(
        join(copies, unit),
        text(unit)
          .replace('/usr/bin/node', process.execPath)
          .replace(/^#(?=Load)/gm, ''),
      );
  });
  after(() => rmSync(copies, { recursive: true }));

  for (const unit of units) {
    test(`${unit} is a correct unit`, async () => {
      const { stdout, stderr } = await run(program ?? '', ['verify', '--man=no', join(copies, unit)]);
      assert.equal(stdout + stderr, '');
    });

    test(`${unit} is exposed by 3.0 at most`, async () => {
      const asked = ['security', '--offline=true', '--no-pager', '--threshold=30', join(copies, unit)];
      const { stdout } = await run(program ?? '', asked);
      const [, level] = /exposure level for \S+: ([\d.]+)/.exec(stdout) ?? [];
      assert.ok(Number(level) <= 3, stdout);
    });
  }
});
