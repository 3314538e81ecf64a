import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BuiltDecky, buildDeckiesFromIni } from '../../src/builder/build.ts';
import { seededRandom } from '../../src/builder/random.ts';
import { loadIni, type Specification } from '../../src/builder/specification.ts';
import { allServiceNames, hostnameWords } from '../../src/builder/tables.ts';
import { FleetError } from '../../src/lib/errors.ts';
import { hasPart, type IniInput, iniNames, iniPart, iniText } from '../harness/ini.ts';

const now = 1_795_515_472.25;

const load = (name: string, input: IniInput): Specification =>
  loadIni(iniText(name), { file: `${name}.ini`, rules: input.loader });

const build = (specification: Specification, input: IniInput): readonly BuiltDecky[] =>
  buildDeckiesFromIni(specification, {
    subnet: input.subnet_cidr,
    gateway: input.gateway,
    hostIp: input.host_ip,
    reserved: input.reserved_ips,
    mutateInterval: input.cli_mutate_interval,
    ownServices: input.register_custom_services ? specification.ownServices.map(({ name }) => name) : [],
    random: seededRandom(1),
    now,
  });

const word = `(${hostnameWords.join('|')})`;
const hostname = {
  generic: new RegExp(`^SRV-${word.toUpperCase()}-[1-9][0-9]$`),
  rhel: new RegExp(`^${word}[1-9][0-9]\\.localdomain$`),
  minimal: new RegExp(`^${word}-[1-9][0-9]$`),
  rolling: new RegExp(`^${word}-${word}$`),
};
const hostnameOf: Readonly<Record<string, RegExp>> = {
  debian: hostname.generic,
  ubuntu22: hostname.generic,
  ubuntu20: hostname.generic,
  rocky9: hostname.rhel,
  centos7: hostname.rhel,
  fedora: hostname.rhel,
  alpine: hostname.minimal,
  kali: hostname.rolling,
  arch: hostname.rolling,
};

/** Checks of fields whose values are random or come from the clock. */
const rules: Readonly<Record<string, (decky: BuiltDecky) => void>> = {
  hostname: (decky) => assert.match(decky.hostname, hostnameOf[decky.distro] ?? /^never$/),
  last_mutated: (decky) => assert.equal(decky.last_mutated, now),
  services: ({ services }) => {
    assert.ok(services.length >= 1 && services.length <= 3);
    assert.equal(new Set(services).size, services.length);
    for (const service of services) assert.ok(allServiceNames().includes(service), service);
  },
};

describe("what upstream's own loader and builder made of these files", () => {
  for (const name of iniNames.filter((one) => hasPart(one, 'deckies'))) {
    test(name, () => {
      const input = iniPart<IniInput>(name, 'input');
      const specification = load(name, input);
      assert.deepEqual(
        {
          subnet: specification.subnet,
          gateway: specification.gateway,
          interface: specification.interface,
          mutate_interval: specification.mutateInterval,
          custom_services: specification.ownServices,
        },
        iniPart(name, 'config'),
      );

      const built = build(specification, input);
      const expected = iniPart<Record<string, unknown>[]>(name, 'deckies');
      assert.equal(built.length, expected.length);
      const drawn = new Set(iniPart<string[]>(name, 'random'));
      for (const [at, decky] of built.entries()) {
        const fields = Object.entries(decky);
        assert.deepEqual(
          fields.map(([field]) => field),
          Object.keys(expected[at] ?? {}),
        );
        for (const [field, value] of fields) {
          if (drawn.has(`/${at}/${field}`)) rules[field]?.(decky);
          else assert.deepEqual(value, expected[at]?.[field], `/${at}/${field}`);
        }
      }
      assert.deepEqual(specification.warnings, []);
    });
  }

  for (const name of iniNames.filter((one) => hasPart(one, 'error'))) {
    test(`${name}: refused`, () => {
      const input = iniPart<IniInput>(name, 'input');
      const { stage, mentions } = iniPart<{ stage: 'load' | 'build'; mentions: string[] }>(name, 'error');
      const refused = (error: unknown): boolean => {
        assert.ok(error instanceof FleetError, String(error));
        assert.equal(error.code, 'FLEET_INVALID');
        assert.ok(error.line.startsWith(`${name}.ini:`), error.line);
        assert.doesNotMatch(error.line, /\n/);
        for (const word of mentions) assert.ok(error.line.includes(word), `${word}: ${error.line}`);
        return true;
      };
      if (stage === 'load') assert.throws(() => load(name, input), refused);
      else {
        const specification = load(name, input);
        assert.throws(() => build(specification, input), refused);
      }
    });
  }
});
