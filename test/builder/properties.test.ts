import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { addressText, isWithin, parseAddress, parseSubnet } from '../../src/builder/addresses.ts';
import { type BuiltDecky, buildDeckiesFromIni, readNetwork } from '../../src/builder/build.ts';
import { onHost, stateDocument } from '../../src/builder/document.ts';
import { allocateAddresses, buildDeckies } from '../../src/builder/flags.ts';
import { seededRandom } from '../../src/builder/random.ts';
import { loadIni } from '../../src/builder/specification.ts';
import { allServiceNames, archetypes, distros } from '../../src/builder/tables.ts';
import { FleetError } from '../../src/lib/errors.ts';
import { parseStateFile } from '../../src/state-file/parse.ts';
import { fc } from '../harness/property.ts';

/** A fixed seed, so that failures are reproducible. */
const runs = { seed: 20_260_131, numRuns: 300 };

const address = fc.nat({ max: 0xffff_ffff });
const someNetwork = fc
  .record({
    base: address,
    length: fc.integer({ min: 20, max: 28 }),
    picks: fc.array(fc.nat(300), { minLength: 2, maxLength: 8 }),
  })
  .map(({ base, length, picks }) => {
    const subnet = parseSubnet(`${addressText(base)}/${length}`) ?? assert.fail();
    const [gateway = '', hostIp = '', ...reserved] = picks.map((pick) =>
      addressText((subnet.first + pick) % 0x1_0000_0000),
    );
    return { subnet: `${addressText(base)}/${length}`, gateway, hostIp, reserved };
  });

const someSection = fc.record(
  {
    services: fc
      .array(fc.constantFrom(...allServiceNames()), { minLength: 1, maxLength: 4 })
      .map((list) => list.join(', ')),
    archetype: fc.constantFrom(...archetypes.keys()),
    nmap_os: fc.string({ unit: fc.constantFrom('a', ' ', '%%', '"', '\\', '\u{1f600}'), maxLength: 8 }),
    mutate_interval: fc.integer({ min: 1, max: 1000 }).map(String),
    amount: fc.integer({ min: 1, max: 5 }).map(String),
    colour: fc.constant('50%'),
  },
  { requiredKeys: [] },
);

/** Sections with different names, and settings for deckies or groups. */
const someIni = fc
  .uniqueArray(
    fc.record({ name: fc.stringMatching(/^[A-Za-z0-9_]{1,12}$/), keys: someSection, settled: fc.boolean() }),
    {
      selector: ({ name }) => name,
      maxLength: 12,
    },
  )
  .map((sections) =>
    [
      '[general]',
      ...sections
        .filter(({ name }) => name !== 'general' && name !== 'DEFAULT')
        .flatMap(({ name, keys, settled }) => [
          `[${name}]`,
          ...Object.entries(keys).map(([key, value]) => `${key}=${value}`),
          ...(settled ? [`[${name}.ssh]`, '__proto__=x', 'user=root'] : []),
        ]),
    ].join('\n'),
  );

type SomeNetwork = typeof someNetwork extends fc.Arbitrary<infer N> ? N : never;

/** Null: the subnet is full. */
function build(ini: string, network: SomeNetwork, seed: number): readonly BuiltDecky[] | null {
  try {
    return buildDeckiesFromIni(loadIni(ini), { ...network, random: seededRandom(seed), now: 1.5 });
  } catch (error) {
    if (error instanceof FleetError && error.message.includes('no free address')) return null;
    throw error;
  }
}

describe('for any INI file and any network', () => {
  test('assigned addresses are unique, inside the subnet, and not used otherwise', () => {
    fc.assert(
      fc.property(someIni, someNetwork, (ini, network) => {
        const built = build(ini, network, 1) ?? [];
        const subnet = parseSubnet(network.subnet) ?? assert.fail();
        const ips = built.map(({ ip }) => ip);
        assert.equal(new Set(ips).size, ips.length);
        for (const ip of ips) {
          const number = parseAddress(ip) ?? assert.fail(ip);
          assert.ok(isWithin(subnet, number) && number !== subnet.first && number !== subnet.last, ip);
          assert.ok(![network.gateway, network.hostIp, ...network.reserved].includes(ip), ip);
        }
        assert.deepEqual(
          ips,
          [...ips].sort((a, b) => (parseAddress(a) ?? 0) - (parseAddress(b) ?? 0)),
        );
      }),
      runs,
    );
  });

  test('explicit addresses are kept and not assigned to another decky', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 3, max: 40 }), { maxLength: 20 }),
        fc.array(fc.boolean(), { maxLength: 40 }),
        (fixed, locations) => {
          const left = [...fixed];
          const asked = locations.map((isFixed) => (isFixed ? left.pop() : undefined));
          const ini = [
            '[general]',
            ...asked.flatMap((last, at) => [
              `[d${at}]`,
              ...(last === undefined ? [] : [`ip=10.0.0.${last}`]),
            ]),
          ];
          const built =
            build(
              ini.join('\n'),
              { subnet: '10.0.0.0/24', gateway: '10.0.0.1', hostIp: '10.0.0.2', reserved: [] },
              1,
            ) ?? assert.fail();
          for (const [at, last] of asked.entries())
            if (last !== undefined) assert.equal(built[at]?.ip, `10.0.0.${last}`);
          assert.equal(new Set(built.map(({ ip }) => ip)).size, built.length);
        },
      ),
      runs,
    );
  });

  test('the result loads as a state file, with every decky', async () => {
    await fc.assert(
      fc.asyncProperty(someIni, someNetwork, fc.constantFrom(null, 'host-7'), async (ini, network, host) => {
        const built = onHost(build(ini, network, 1) ?? [], host);
        const document = stateDocument(built, {
          host,
          interface: 'eth0',
          subnet: network.subnet,
          gateway: network.gateway,
          mutateInterval: 30,
        });
        const desired = await parseStateFile(Buffer.from(JSON.stringify(document)), 'f', host ?? 'local');
        assert.ok(desired.kind === 'declared');
        assert.deepEqual(
          [...desired.deckies.keys()],
          built.map(({ name }) => name),
        );
        assert.equal(desired.peers.size, 0);
      }),
      runs,
    );
  });

  test('the same seed gives the same fleet, another seed another fleet', () => {
    fc.assert(
      fc.property(someIni, someNetwork, fc.nat(), (ini, network, seed) => {
        assert.deepEqual(build(ini, network, seed), build(ini, network, seed));
      }),
      runs,
    );
    const hostnames = (seed: number): string =>
      build(
        '[a]\namount=20',
        { subnet: '10.0.0.0/24', gateway: '10.0.0.1', hostIp: '10.0.0.2', reserved: [] },
        seed,
      )
        ?.map(({ hostname }) => hostname)
        .join() ?? '';
    const seeds = [0, 1, 2, 3, 2 ** 32, 2 ** 32 + 1, 2 ** 47];
    assert.equal(new Set(seeds.map(hostnames)).size, seeds.length);
  });
});

describe('for any text', () => {
  const line = fc.constantFrom(
    '[a]',
    '[DEFAULT]',
    '[a.ssh]',
    'x=%(y)s',
    'y: 1',
    ' more',
    '',
    '# c',
    'amount=3',
    'ip=1',
    '=',
    '\u001b',
    '[',
    '%',
  );

  test('loading gives a specification, or a one-line error with the file', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(line).map((lines) => lines.join('\n')),
          fc.string({ unit: 'binary' }),
        ),
        fc.constantFrom('file', 'string'),
        (text, rules) => {
          try {
            loadIni(text, { file: 'a.ini', rules });
          } catch (error) {
            assert.ok(error instanceof FleetError, String(error));
            assert.match(error.line, /^a\.ini:[^\p{Cc}\u2028\u2029]*$/u);
          }
        },
      ),
      runs,
    );
  });
});

describe('for any flags', () => {
  test('the fleet is as large as asked, loads, and the same seed makes it again', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 60 }),
        fc.constantFrom(null, ...archetypes.keys()),
        fc.constantFrom(null, [...distros.keys()].slice(3, 5)),
        fc.boolean(),
        fc.nat(),
        async (count, archetype, given, drawDistros, seed) => {
          const network = readNetwork({ subnet: '10.0.0.0/24', gateway: '10.0.0.1', hostIp: '10.0.0.2' });
          const make = (): readonly BuiltDecky[] =>
            buildDeckies({
              addresses: allocateAddresses(network, count),
              archetype,
              distros: given,
              drawDistros,
              drawServices: true,
              random: seededRandom(seed),
            });
          const built = make();
          assert.equal(built.length, count);
          assert.deepEqual(built, make());
          const file = Buffer.from(JSON.stringify({ config: { deckies: built } }));
          const desired = await parseStateFile(file, 'f', 'local');
          assert.ok(desired.kind === 'declared' && desired.deckies.size === count);
        },
      ),
      runs,
    );
  });
});
