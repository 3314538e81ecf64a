import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type BuildBench, buildBench, deckiesOf, duplicated, net } from '../harness/build.ts';
import { hasPart, type IniInput, iniFile, iniNames, iniPart, iniText } from '../harness/ini.ts';

let bench: BuildBench;
beforeEach(() => {
  bench = buildBench();
});
afterEach(() => bench.remove());

describe('build FILE', () => {
  for (const name of iniNames.filter((one) => hasPart(one, 'deckies'))) {
    test(`${name}: the same result as DECNET`, async () => {
      const input = iniPart<IniInput>(name, 'input');
      const interval = input.cli_mutate_interval;
      const args = ['--subnet', input.subnet_cidr, '--gateway', input.gateway, '--host-ip', input.host_ip];
      const done = await bench.build(
        iniFile(name),
        ...args,
        ...(interval === null ? [] : ['--mutate-interval', String(interval)]),
      );
      assert.equal(done.stderr, '');
      const drawn = new Set(iniPart<string[]>(name, 'random'));
      const settled = (deckies: readonly object[]): unknown =>
        deckies.map((decky, at) => Object.entries(decky).filter(([field]) => !drawn.has(`/${at}/${field}`)));
      assert.deepEqual(settled(deckiesOf(done)), settled(iniPart<object[]>(name, 'deckies')));
      for (const { last_mutated } of deckiesOf(done))
        assert.ok(Math.abs(Date.now() / 1000 - last_mutated) < 600);
    });
  }

  for (const name of iniNames.filter((one) => hasPart(one, 'error'))) {
    test(`${name}: exit 1 in one line, nothing written`, async () => {
      writeFileSync(bench.ini, iniText(name));
      const done = await bench.build(bench.ini, ...net, '--out', bench.out, '--json');
      bench.refused(done, 1, new RegExp(`^decnet-fleet: ${bench.ini}:\\d+: \\[`));
      for (const word of iniPart<{ mentions: string[] }>(name, 'error').mentions)
        assert.ok(done.stderr.includes(word), done.stderr);
    });
  }

  test('the network may be in the file, and options override it', async () => {
    writeFileSync(bench.ini, '[general]\nnet=10.9.0.0/24\ngw=10.9.0.1\n[a]\nservices=ssh');
    assert.equal(deckiesOf(await bench.build(bench.ini, '--host-ip', '10.9.0.2'))[0]?.ip, '10.9.0.3');
    assert.equal(
      deckiesOf(await bench.build(bench.ini, ...net, '--reserve', '10.0.0.3, 10.0.0.4'))[0]?.ip,
      '10.0.0.5',
    );
    writeFileSync(bench.ini, '[general]\nnet=10.9.0.0/33\n[a]');
    bench.refused(
      await bench.build(bench.ini, '--gateway', '10.9.0.1', '--host-ip', '10.9.0.2'),
      1,
      /fleet\.ini:2: \[general\] net: "10\.9\.0\.0\/33" must be/,
    );
  });

  test('custom services of the file are known, and --host sets the host of the deckies', async () => {
    const text = '[custom-badge]\nbinary=img\n[gate]\nservices=badge';
    const [gate] = deckiesOf(await bench.buildText(text, '--host', 'host-7'));
    assert.deepEqual([gate?.services, gate?.host_uuid], [['badge'], 'host-7']);
  });

  test('the same seed gives the same bytes; without a seed each build is different', async () => {
    const text = '[a]\namount=9';
    const [one, two, other, free, freer] = await Promise.all([
      bench.buildText(text, '--seed', '7'),
      bench.buildText(text, '--seed', '7'),
      bench.buildText(text, '--seed', '8'),
      bench.buildText(text),
      bench.buildText(text),
    ]);
    assert.equal(one.stdout, two.stdout);
    assert.notEqual(one.stdout, other.stdout);
    assert.notEqual(free.stdout, freer.stdout);
  });

  test('a file and standard input are read with different rules', async () => {
    const twice = '[a]\nservices=ssh\n[a]\nip=10.0.0.9\n';
    assert.equal(deckiesOf(await bench.buildStream(twice))[0]?.ip, '10.0.0.9');
    bench.refused(await bench.buildText(twice), 1, /fleet\.ini:3: \[a\]: duplicate section/);
    bench.refused(await bench.buildStream(''), 1, /standard input: is empty/);
    const empty = await bench.buildText('');
    assert.deepEqual([empty.code, empty.stdout], [0, '[]\n']);
    assert.match(empty.stderr, /warning: .*fleet\.ini: declares no decky\n$/);
    bench.refused(
      await bench.buildStream('[a]\nservices=gopher', '--out', bench.out),
      1,
      /standard input:2: \[a\] services: "gopher"/,
    );
  });

  test('a file that cannot be read', async () => {
    bench.refused(await bench.build(join(bench.directory, 'none.ini'), ...net), 1, /none\.ini: not found/);
    bench.refused(await bench.build('/', ...net), 1, /^decnet-fleet: \/: cannot be read/);
    writeFileSync(bench.ini, Buffer.from([0x5b, 0x61, 0x5d, 0xff]));
    bench.refused(await bench.build(bench.ini, ...net), 1, /fleet\.ini: is not UTF-8 text/);
    writeFileSync(bench.ini, '\ufeff[a]\n');
    bench.refused(await bench.build(bench.ini, ...net), 1, /fleet\.ini:1: no section/);
  });

  test('warnings: each a line with its location, exit 0', async () => {
    const text = '[a]\nservices=ssh\nip=10.0.0.1\n[b]\nservices=ssh\nip=10.0.1.1\n[c.ssh]\nx=1\n';
    const done = await bench.buildText(text);
    assert.equal(deckiesOf(done).length, 2);
    assert.deepEqual(done.stderr.replaceAll(bench.ini, 'F').split('\n'), [
      "decnet-fleet: warning: F:3: [a] ip: 10.0.0.1 is the gateway's address",
      'decnet-fleet: warning: F:6: [b] ip: 10.0.1.1 is outside the subnet "10.0.0.0/24"',
      'decnet-fleet: warning: F:7: [c.ssh]: no decky or group is named "c": ignored',
      '',
    ]);
  });

  test('duplicate names: a warning, an error with --strict, and never in a state file', async () => {
    const done = await bench.buildText(duplicated);
    assert.deepEqual(
      deckiesOf(done).map(({ name }) => name),
      ['a-01', 'a-02', 'a-01'],
    );
    assert.match(done.stderr, /warning: .*:4: \[a-01\]: the name "a-01" is already used by/);
    bench.refused(
      await bench.buildText(duplicated, '--strict'),
      1,
      /fleet\.ini:4: \[a-01\]: the name "a-01" is already/,
    );
    bench.refused(
      await bench.buildText(duplicated, '--out', bench.out, '--force'),
      1,
      /the name "a-01" .* Nothing was written/,
    );
  });
});

describe('build --count', () => {
  test('from services, an archetype, or drawn ones', async () => {
    const services = deckiesOf(
      await bench.build('--count', '3', '--services', 'ssh, http', ...net, '--ip-start', '10.0.0.50'),
    );
    assert.deepEqual(
      services.map(({ name, ip, mutate_interval }) => [name, ip, mutate_interval]),
      [
        ['decky-01', '10.0.0.50', 30],
        ['decky-02', '10.0.0.51', 30],
        ['decky-03', '10.0.0.52', 30],
      ],
    );
    assert.deepEqual(services[2]?.services, ['ssh', 'http']);
    const [printer] = deckiesOf(
      await bench.build('--count', '1', '--archetype', 'printer', ...net, '--mutate-interval', '5'),
    );
    assert.deepEqual(
      [printer?.services, printer?.distro, printer?.mutate_interval],
      [['snmp', 'ftp'], 'alpine', 5],
    );
    const drawn = ['--count', '20', '--random-services', '--random-distros', '--seed', '3', ...net];
    const [one, two] = await Promise.all([bench.build(...drawn), bench.build(...drawn)]);
    assert.equal(deckiesOf(one).length, 20);
    assert.equal(one.stdout, two.stdout);
    const [arch] = deckiesOf(
      await bench.build('--count', '1', '--services', 'ssh', '--distros', 'arch,kali', ...net),
    );
    assert.equal(arch?.distro, 'arch');
  });

  test('a subnet that is too small: exit 1', async () => {
    bench.refused(
      await bench.build('--count', '300', '--services', 'ssh', ...net, '--out', bench.out),
      1,
      /300 addresses are needed, but only 252 are free/,
    );
  });

  for (const [args, words] of [
    [[...net], /build requires a file or --count/],
    [['--count', '2', ...net], /--count requires --services, --archetype or --random-services/],
    [['--count', '2', '--services', 'ssh'], /--subnet is missing/],
    [['--count', '0', '--services', 'ssh', ...net], /"0" is not valid/],
    [
      ['--count', '2', '--services', 'ssh,sniffer', ...net],
      /--services "sniffer" is not valid\. Allowed: conpot/,
    ],
    [['--count', '2', '--archetype', 'x', ...net], /--archetype "x" is not valid\. Allowed: windows/],
    [['--count', '2', '--services', 'ssh', '--distros', 'x', ...net], /--distros "x" is not valid/],
    [['--count', '2', '--services', 'ssh', ...net, '--reserve', '1.2.3'], /--reserve "1\.2\.3" is not valid/],
    [['--count', '2', '--services', 'ssh', ...net, '--subnet', 'x'], /--subnet "x" is not valid/],
    [['--count', '2', '--services', 'ssh', ...net, '--mutate-interval', '0'], /--mutate-interval "0" is not/],
    [['--count', '2', '--services', 'ssh', ...net, '--seed', 'x'], /--seed "x" is not valid/],
    [['--count', '2', '--services', 'ssh', ...net, '--host', '..'], /"\.\." is not valid/],
    [['--count', '2', '--services', 'ssh', ...net, '--force'], /--force requires --out/],
    [[iniFile('office'), '--count', '2', ...net], /--count cannot be used with a file/],
    [[iniFile('office'), '--subnet', '10.0.0.0/24'], /--host-ip is missing/],
    [
      [iniFile('random'), '--host-ip', '10.0.0.2'],
      /--subnet is missing, and the file has no net in \[general\]/,
    ],
  ] as const) {
    test(`wrong usage: ${args.filter((arg) => !(net as readonly string[]).includes(arg)).join(' ')}`, async () =>
      bench.refused(await bench.build(...args), 2, words));
  }
});
