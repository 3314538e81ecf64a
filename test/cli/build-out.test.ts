import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type BuildBench, buildBench, deckiesOf, duplicated } from '../harness/build.ts';
import { cli } from '../harness/cli.ts';

let bench: BuildBench;
beforeEach(() => {
  bench = buildBench();
});
afterEach(() => bench.remove());

describe('build --out', () => {
  const fleet = '[general]\ninterface=ens3\n[a]\nservices=ssh\n[a.ssh]\nuser=root\n';

  test('writes a complete state file, which check accepts', async () => {
    const done = await bench.buildText(fleet, '--out', bench.out);
    assert.deepEqual(
      [done.code, done.stdout, done.stderr],
      [0, `Wrote 1 decky of host local to ${bench.out}\n`, ''],
    );
    const { config, compose_path } = JSON.parse(readFileSync(bench.out, 'utf8'));
    const { deckies, ...rest } = config;
    assert.deepEqual(rest, {
      mode: 'unihost',
      interface: 'ens3',
      subnet: '10.0.0.0/24',
      gateway: '10.0.0.1',
      log_file: '/var/log/decnet/decnet.log',
      ipvlan: false,
      mutate_interval: 30,
    });
    assert.equal(compose_path, 'decnet-compose.yml');
    assert.deepEqual(deckies[0].service_config, { ssh: { user: 'root' } });
    assert.deepEqual(readdirSync(bench.directory).sort(), ['fleet.ini', 'state.json']);
    assert.equal(
      (await cli(['check', bench.out], {})).stdout,
      `${bench.out}: valid, 1 decky: 1 of host local\n`,
    );
  });

  test('with --json prints the deckies as well, and with --host it is a swarm host’s', async () => {
    const done = await bench.buildText(
      fleet,
      '--out',
      bench.out,
      '--json',
      '--host',
      'host-7',
      '--interface',
      'eth9',
      '--mutate-interval',
      '5',
    );
    const { config } = JSON.parse(readFileSync(bench.out, 'utf8'));
    assert.deepEqual(deckiesOf(done), config.deckies);
    assert.deepEqual(
      [config.mode, config.interface, config.mutate_interval, config.deckies[0].host_uuid],
      ['swarm', 'eth9', 5, 'host-7'],
    );
  });

  test('overwrites nothing without --force; with it the file keeps its mode, and a link is kept', async () => {
    writeFileSync(bench.out, 'mine');
    chmodSync(bench.out, 0o640);
    const done = await bench.buildText(fleet, '--out', bench.out);
    assert.deepEqual([done.code, done.stdout], [1, '']);
    assert.match(done.stderr, /state\.json already exists\. Nothing was written\. Add --force/);
    assert.equal(readFileSync(bench.out, 'utf8'), 'mine');
    const link = join(bench.directory, 'link.json');
    symlinkSync(bench.out, link);
    assert.equal((await bench.buildText(fleet, '--out', link, '--force')).code, 0);
    assert.equal(JSON.parse(readFileSync(bench.out, 'utf8')).config.deckies.length, 1);
    assert.equal(statSync(bench.out).mode & 0o777, 0o640);
    assert.deepEqual(readdirSync(bench.directory).sort(), ['fleet.ini', 'link.json', 'state.json']);
  });

  test('an error leaves the file unchanged', async () => {
    writeFileSync(bench.out, 'mine');
    for (const text of [
      duplicated,
      '[general]\n',
      '[a]\nservices=gopher',
      '[a]\nservices=ssh\nnmap_os=a\0b',
    ]) {
      const { code, stdout, stderr } = await bench.buildText(text, '--out', bench.out, '--force');
      assert.deepEqual([code, stdout], [1, ''], stderr);
      assert.equal(readFileSync(bench.out, 'utf8'), 'mine');
    }
    assert.deepEqual(readdirSync(bench.directory).sort(), ['fleet.ini', 'state.json']);
  });

  test('a directory that is not writable', async () => {
    bench.refused(
      await bench.buildText(fleet, '--out', join(bench.directory, 'none', 'x.json')),
      1,
      /x\.json cannot be written: ENOENT/,
    );
    mkdirSync(join(bench.directory, 'd'));
    const done = await bench.buildText(fleet, '--out', join(bench.directory, 'd'), '--force');
    assert.equal(done.code, 1);
    assert.match(done.stderr, /is not a regular file/);
  });
});
