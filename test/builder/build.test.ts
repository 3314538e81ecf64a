import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseSubnet } from '../../src/builder/addresses.ts';
import {
  type BuiltDecky,
  buildDeckiesFromIni,
  type IniBuildOptions,
  type Network,
  readNetwork,
} from '../../src/builder/build.ts';
import {
  allocateAddresses,
  buildDeckies,
  type FlagBuildOptions,
  resolveDistros,
} from '../../src/builder/flags.ts';
import { located } from '../../src/builder/location.ts';
import { seededRandom } from '../../src/builder/random.ts';
import { loadIni } from '../../src/builder/specification.ts';
import { allServiceNames, archetypes, distros } from '../../src/builder/tables.ts';
import { warningsOf } from '../../src/builder/warnings.ts';
import { FleetError } from '../../src/lib/errors.ts';

const network: Network = { subnet: '10.0.0.0/24', gateway: '10.0.0.1', hostIp: '10.0.0.2' };
const load = (text: string) => loadIni(text, { file: 'a.ini', rules: 'file' });
const build = (text: string, more: Partial<IniBuildOptions> = {}): readonly BuiltDecky[] =>
  buildDeckiesFromIni(load(text), { ...network, random: seededRandom(3), now: 7, ...more });
const ips = (text: string, more: Partial<IniBuildOptions> = {}): readonly string[] =>
  build(text, more).map(({ ip }) => ip);

const refuses = (work: () => unknown, words: RegExp): void =>
  assert.throws(work, (error) => {
    assert.ok(error instanceof FleetError && error.code === 'FLEET_INVALID', String(error));
    assert.match(error.line, words);
    return true;
  });

describe('addresses', () => {
  test('the lowest free ones in the order of deckies, except used and reserved ones', () => {
    assert.deepEqual(
      ips('[a]\n[b]\nip=10.0.0.200\n[c]\n[d]\nip=10.0.0.4\n[e]', { reserved: ['10.0.0.5', '10.0.0.6'] }),
      ['10.0.0.3', '10.0.0.200', '10.0.0.7', '10.0.0.4', '10.0.0.8'],
    );
  });

  test('an explicit one is used unchanged, even if it is unsuitable', () => {
    for (const ip of ['192.0.2.1', '10.0.0.1', '10.0.0.2', '10.0.0.0', '10.0.0.255', '10.0.0.9'])
      assert.deepEqual(ips(`[a]\nip=${ip}\n[b]\nip=${ip}`, { reserved: ['10.0.0.9'] }), [ip, ip]);
  });

  test('host bits are cleared, and a mask is accepted', () => {
    for (const subnet of ['10.0.0.77/24', '10.0.0.0/255.255.255.0'])
      assert.deepEqual(ips('[a]', { subnet }), ['10.0.0.3']);
    assert.deepEqual(parseSubnet('255.255.255.255/0'), { first: 0, last: 0xffff_ffff });
    assert.deepEqual(ips('[a]', { subnet: '0.0.0.0/0' }), ['0.0.0.1']);
    assert.deepEqual(ips('[a]', { subnet: '255.255.255.252/30' }), ['255.255.255.253']);
  });

  test('none left: the error names the subnet and the decky', () => {
    refuses(
      () => build('[a]\n[b]', { subnet: '10.0.0.0/30' }),
      /^a\.ini:1: \[a\]: no free address.*"10\.0\.0\.0\/30".*"a"/,
    );
    for (const subnet of ['10.9.0.0/31', '10.9.0.0/32'])
      refuses(() => build('[a]', { subnet }), /no free address/);
    assert.deepEqual(ips('[a]\n[b]', { subnet: '10.9.0.0/30' }), ['10.9.0.1', '10.9.0.2']);
  });

  for (const ip of ['10.0.0', '10.0.0.01', '10.0.0.256', '::1', '10.0.0.1/24', ' 1.2.3.4x', '1.2.3.-4'])
    test(`${ip} is not an address`, () => {
      refuses(() => build(`[a]\nip=${ip}`), /^a\.ini:2: \[a\] ip: .* must be an IPv4 address/);
      refuses(() => build('[a]', { gateway: ip }), /^gateway .* must be/);
      refuses(() => build('[a]', { hostIp: ip }), /^host address .* must be/);
      refuses(() => build('[a]', { reserved: [ip] }), /^reserved address .* must be/);
    });

  for (const subnet of [
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0.0/255.0.255.0',
    '10.0.0/8',
    'x',
    '10.0.0.0/8/8',
    '::/64',
  ])
    test(`${subnet} is not a subnet`, () =>
      refuses(() => build('[a]', { subnet }), /^subnet .* must be an IPv4 network/));

  test('an invalid network of the file is an error with its location', () => {
    const text = '[general]\nnet=x\ngw=y\n[a]';
    refuses(() => build(text, { subnet: 'x' }), /^a\.ini:2: \[general\] net: "x" must be/);
    refuses(() => build(text, { gateway: 'y' }), /^a\.ini:3: \[general\] gw: "y" must be/);
  });
});

describe('the order of checks', () => {
  test('addresses, the network, then decky by decky: archetype, address, services', () => {
    const wrong = '[a]\narchetype=x\nservices=x\n[b]\nip=x';
    refuses(() => build(wrong, { subnet: 'x' }), /\[b\] ip/);
    refuses(() => build('[a]\narchetype=x', { subnet: 'x' }), /^subnet/);
    refuses(
      () => build('[a]\narchetype=x\nservices=x', { subnet: '10.0.0.0/32' }),
      /^a\.ini:2: \[a\] archetype: unknown archetype "x"/,
    );
    refuses(() => build('[a]\nservices=x', { subnet: '10.0.0.0/32' }), /no free address/);
    refuses(() => build('[a]\nservices=x\n[b]\narchetype=x'), /^a\.ini:2: \[a\] services: "x" is unknown/);
  });
});

describe('services', () => {
  test('those of the section, else of the archetype, which is recorded', () => {
    const [a, b] = build('[a]\narchetype=printer\n[b]\narchetype=printer\nservices=ssh,ssh');
    assert.deepEqual([a?.services, a?.archetype], [['snmp', 'ftp'], 'printer']);
    assert.deepEqual([b?.services, b?.archetype, b?.nmap_os], [['ssh', 'ssh'], 'printer', 'embedded']);
  });

  test('unknown, empty and singleton services: all are in the error, with the allowed ones', () => {
    refuses(
      () => build('[a]\nservices=ssh,,gopher,sniffer,SSH'),
      /^a\.ini:2: \[a\] services: "" is unknown, "gopher" is unknown, "sniffer" exists once per fleet, "SSH" is unknown\. Allowed: conpot, dns, .*vnc$/,
    );
  });

  test('custom services are known if registered, and are drawn', () => {
    refuses(() => build('[a]\nservices=badge'), /"badge" is unknown/);
    const own = { ownServices: ['badge', 'sniffer'] };
    assert.deepEqual(build('[a]\nservices=badge,sniffer', own)[0]?.services, ['badge', 'sniffer']);
    const drawn = new Set(build('[a]\namount=100\n[b]\namount=100', own).flatMap(({ services }) => services));
    assert.deepEqual([...drawn].sort(), allServiceNames(['badge', 'sniffer']));
  });

  test('drawn: one to three different ones, without singletons', () => {
    const drawn = build('[a]\namount=100\n[b]\namount=100').map(({ services }) => services);
    for (const services of drawn) assert.equal(new Set(services).size, services.length);
    assert.deepEqual([...new Set(drawn.map(({ length }) => length))].sort(), [1, 2, 3]);
    assert.deepEqual([...new Set(drawn.flat())].sort(), allServiceNames());
  });

  test('allServiceNames: sorted, without singletons', () => {
    assert.equal(allServiceNames().length, 28);
    assert.deepEqual(allServiceNames(), [...allServiceNames()].sort());
    assert.ok(!allServiceNames().includes('sniffer'));
  });
});

describe('other fields of a decky', () => {
  test('distros rotate over the whole result', () => {
    const text = `[a]\n[b]\narchetype=printer\n[c]\narchetype=printer\n[d]\n${Array.from({ length: 6 }, (_, at) => `[e${at}]`).join('\n')}`;
    assert.deepEqual(
      build(text).map(({ distro }) => distro),
      ['debian', 'debian', 'alpine', 'rocky9', 'centos7', 'alpine', 'fedora', 'kali', 'arch', 'debian'],
    );
  });

  test('nmap_os: section, archetype, linux; mutate_interval: command line, section, null', () => {
    const text = '[a]\nnmap_os=any thing\narchetype=printer\nmutate_interval=5\n[b]\narchetype=printer\n[c]';
    assert.deepEqual(
      build(text).map((decky) => [decky.nmap_os, decky.mutate_interval]),
      [
        ['any thing', 5],
        ['embedded', null],
        ['linux', null],
      ],
    );
    assert.deepEqual(
      build(text, { mutateInterval: 30 }).map((decky) => decky.mutate_interval),
      [30, 30, 30],
    );
  });

  test('a text is read with the rules for a string', () => {
    const options = { ...network, random: seededRandom(1), now: 7 };
    assert.deepEqual(
      buildDeckiesFromIni('[a]\nip=10.0.0.8\n[a]\nip=10.0.0.9', options).map(({ ip, last_mutated }) => [
        ip,
        last_mutated,
      ]),
      [['10.0.0.9', 7]],
    );
    refuses(() => buildDeckiesFromIni('', options), /is empty/);
  });

  test('every archetype’s distros and services are known', () => {
    assert.equal(archetypes.size, 15);
    for (const { services, distros: slugs } of archetypes.values()) {
      for (const service of services) assert.ok(allServiceNames().includes(service));
      for (const slug of slugs) assert.ok(distros.has(slug));
    }
  });
});

describe('from flags', () => {
  const flags = (more: Partial<FlagBuildOptions>, count = 4): readonly BuiltDecky[] =>
    buildDeckies({
      addresses: allocateAddresses(readNetwork(network), count),
      random: seededRandom(5),
      ...more,
    });

  test('names and addresses in order; no settings, never mutated', () => {
    const built = flags({ services: ['sniffer'], mutateInterval: 30 }, 100);
    assert.deepEqual([built[0]?.name, built[99]?.name], ['decky-01', 'decky-100']);
    assert.deepEqual([built[0]?.ip, built[99]?.ip], ['10.0.0.3', '10.0.0.102']);
    const { services, service_config, last_mutated, mutate_interval, archetype, nmap_os } =
      built[7] as BuiltDecky;
    assert.deepEqual(
      { services, service_config, last_mutated, mutate_interval, archetype, nmap_os },
      {
        services: ['sniffer'],
        service_config: {},
        last_mutated: 0,
        mutate_interval: 30,
        archetype: null,
        nmap_os: 'linux',
      },
    );
  });

  test('services: given, else the archetype’s, else drawn, else an error', () => {
    const drawServices = true;
    assert.deepEqual(flags({ services: ['ssh'], archetype: 'printer', drawServices })[0]?.services, ['ssh']);
    const [printer] = flags({ services: [], archetype: 'printer', drawServices });
    assert.deepEqual([printer?.services, printer?.nmap_os], [['snmp', 'ftp'], 'embedded']);
    const sets = flags({ drawServices }, 200).map(({ services }) => [...services].sort().join());
    assert.equal(new Set(sets).size, sets.length, 'no set twice, while there are enough');
    refuses(() => flags({}), /have no services/);
    refuses(() => flags({ archetype: 'x' }), /unknown archetype "x"\. Allowed: windows-workstation, /);
    refuses(
      () => flags({ services: ['ssh'], distros: ['beos'] }),
      /unknown distro "beos"\. Allowed: debian, /,
    );
  });

  test('distros: given ones in rotation, else drawn, else the archetype’s, else all', () => {
    const resolve = (...[explicit, isDrawn, archetype]: [string[] | null, boolean, string | null]) =>
      resolveDistros(explicit, isDrawn, 10, archetype, seededRandom(1));
    assert.deepEqual(resolve(['arch', 'x'], true, 'printer').slice(0, 3), ['arch', 'x', 'arch']);
    assert.deepEqual(resolve([], false, 'printer').slice(0, 3), ['alpine', 'debian', 'alpine']);
    assert.deepEqual(resolve(null, false, null), [...distros.keys(), 'debian']);
    const drawn = resolve(null, true, 'printer');
    assert.equal(drawn.length, 10);
    assert.ok(drawn.every((slug) => distros.has(slug)) && new Set(drawn).size > 3);
  });

  test('addresses from a lowest one; too few: the error has the number found', () => {
    const read = readNetwork({ ...network, reserved: ['10.0.0.251'] });
    assert.deepEqual(allocateAddresses(read, 2, 0x0a0000fa), ['10.0.0.250', '10.0.0.252']);
    assert.deepEqual(allocateAddresses(read, 1, 0), ['10.0.0.3']);
    refuses(() => allocateAddresses(read, 9, 0x0a0000fa), /^9 addresses are needed, but only 4 are free/);
  });
});

describe('warnings', () => {
  const warnings = (text: string): readonly string[] =>
    warningsOf(load(text), { ...network, reserved: ['10.0.0.9'] }).map(({ at, what }) => located(at, what));

  for (const [text, expected] of [
    ['[a]\namount=2\n[a-01]', ['a.ini:3: [a-01]: the name "a-01" is already used by a.ini:1: [a]']],
    ['[a]\nip=10.0.0.7\n[b]\nip=10.0.0.7', ['a.ini:4: [b] ip: 10.0.0.7 is already the address of "a"']],
    ['[a]\nip=10.0.0.1', ["a.ini:2: [a] ip: 10.0.0.1 is the gateway's address"]],
    ['[a]\nip=10.0.0.2', ["a.ini:2: [a] ip: 10.0.0.2 is this host's address"]],
    ['[a]\nip=10.0.0.9', ['a.ini:2: [a] ip: 10.0.0.9 is a reserved address']],
    ['[a]\nip=10.0.1.0', ['a.ini:2: [a] ip: 10.0.1.0 is outside the subnet "10.0.0.0/24"']],
    ['[a]\nip=10.0.0.0', ["a.ini:2: [a] ip: 10.0.0.0 is the subnet's network address"]],
    ['[a]\nip=10.0.0.255', ["a.ini:2: [a] ip: 10.0.0.255 is the subnet's broadcast address"]],
    ['[a]\nip=10.0.0.7\n[b]\namount=50', []],
    ['[general]', ['a.ini: declares no decky']],
  ] as const) {
    test(text.replaceAll('\n', ' '), () => assert.deepEqual(warnings(text), expected));
  }
});
