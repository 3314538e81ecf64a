import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { located } from '../../src/builder/location.ts';
import { loadIni, type Specification } from '../../src/builder/specification.ts';
import type { SpecifiedDecky } from '../../src/builder/specified-decky.ts';
import { FleetError } from '../../src/lib/errors.ts';

const load = (text: string): Specification => loadIni(text, { file: 'a.ini', rules: 'file' });
const one = (text: string): SpecifiedDecky => {
  const [decky, ...more] = load(`[web]\n${text}`).deckies;
  assert.ok(decky !== undefined && more.length === 0);
  return decky;
};
const names = (text: string): readonly string[] => load(text).deckies.map(({ name }) => name);
const settings = (text: string): object =>
  Object.fromEntries(
    load(text).deckies.map(({ name, serviceConfig }) => [name, Object.fromEntries(serviceConfig)]),
  );
const warnings = (text: string): readonly string[] =>
  load(text).warnings.map(({ at, what }) => located(at, what));

const refuses = (text: string, words: RegExp): void =>
  assert.throws(
    () => load(text),
    (error) => {
      assert.ok(error instanceof FleetError, String(error));
      assert.match(error.line, words);
      return true;
    },
  );

describe('kinds of sections', () => {
  test('general, in this spelling: three keys, as text, not checked', () => {
    const found = load('[general]\nnet=nonsense\ngw=\ninterface=eth0\nmutate_interval=7\n[General]');
    assert.deepEqual(
      [found.subnet, found.gateway, found.interface, found.mutateInterval],
      ['nonsense', '', 'eth0', null],
    );
    assert.deepEqual(names('[general]\n[General]'), ['General']);
  });

  test('without general there is no network', () => {
    const { subnet, gateway, interface: networkInterface } = load('[a]');
    assert.deepEqual([subnet, gateway, networkInterface], [null, null, null]);
  });

  test('a known service after a dot: settings, never a decky, also for singletons', () => {
    assert.deepEqual(names('[mail.smtp]\n[x.sniffer]\n[.ssh]\n[general.ssh]\n[custom-x.ssh]'), []);
    assert.deepEqual(names('[web.corp]\n[web.gopher]\n[ssh]\n[web.SSH]'), [
      'web.corp',
      'web.gopher',
      'ssh',
      'web.SSH',
    ]);
  });

  test('custom-NAME is a custom service, unknown while loading', () => {
    const { ownServices, deckies } = load(
      '[custom-badge]\nbinary=img:1\nexec=run %%s\nports=80, 443 ,-3,x,,0080\n[custom-bare]\n[gate.badge]',
    );
    assert.deepEqual(ownServices, [
      { name: 'badge', image: 'img:1', command: 'run %s', ports: [80, 443, 80] },
      { name: 'bare', image: '', command: '', ports: [] },
    ]);
    assert.deepEqual(
      deckies.map(({ name }) => name),
      ['gate.badge'],
    );
  });

  test('a file without deckies can be loaded', () => assert.deepEqual(names('[general]'), []));
});

describe('the keys of a decky', () => {
  test('absent and empty values are null', () => {
    for (const text of [
      '',
      'ip=\nservices=\narchetype=\nnmap_os=\nnmap-os=\nmutate_interval=\nmutate-interval=',
    ]) {
      const { ip, services, archetype, nmapOs, mutateInterval, group } = one(text);
      assert.deepEqual([ip, services, archetype, nmapOs, mutateInterval, group], Array(6).fill(null));
    }
  });

  test('services: trimmed, in order, duplicates and empty parts kept', () => {
    assert.deepEqual(one('services= ssh ,,SSH,\n  ssh').services, ['ssh', '', 'SSH', 'ssh']);
    assert.deepEqual(one('services=ssh ; x').services, ['ssh ; x']);
  });

  test('two spellings: the first non-empty one is used', () => {
    assert.equal(one('nmap-os=bsd\nnmap_os=cisco').nmapOs, 'cisco');
    assert.equal(one('nmap-os=bsd\nnmap_os=').nmapOs, 'bsd');
    assert.equal(one('mutate-interval=5\nmutate_interval=6').mutateInterval, 6);
    assert.equal(one('mutate-interval= +1_0').mutateInterval, 10);
  });

  test('an invalid % is an error only in a key that is read', () => {
    refuses('[web]\nip=50%', /^a\.ini:2: \[web\] ip: /);
    assert.equal(one('colour=50%\nnmap-os=50%\nnmap_os=bsd').nmapOs, 'bsd');
    refuses('[web.ssh]\nx=50%', /^a\.ini:2: \[web\.ssh\] x: /);
  });

  for (const [text, words] of [
    ['mutate_interval=0', /^a\.ini:2: \[web\] mutate_interval: "0" must be a whole number of minutes/],
    ['mutate-interval=-1', /^a\.ini:2: \[web\] mutate-interval: "-1"/],
    ['mutate_interval=1.5', /"1.5" must/],
    ['mutate_interval=1__0', /"1__0" must/],
    ['mutate_interval=99999999999999999999', /must be a whole number/],
    ['amount=', /^a\.ini:2: \[web\] amount: "" must be a whole number, 1 or more/],
    ['amount=two', /"two" must/],
    ['amount=0', /"0" must/],
    ['amount=101', /"101" is too many: a group has at most 100 deckies/],
    ['amount=2\nip=10.0.0.9', /^a\.ini:3: \[web\] ip: .*10\.0\.0\.9.*amount/],
  ] as const) {
    test(`${text.replace('\n', ', ')}: refused`, () => refuses(`[web]\n${text}`, words));
  }
});

describe('names', () => {
  test('amount numbers them with two digits at least; 1 leaves the name', () => {
    assert.deepEqual(names('[a]\namount=1\nip=1.2.3.4'), ['a']);
    assert.deepEqual(names('[a]\namount= +2 \nip='), ['a-01', 'a-02']);
    assert.deepEqual(names('[a]\namount=1_00').slice(97), ['a-98', 'a-99', 'a-100']);
  });

  test('1 to 128 of A-Z a-z 0-9 - _ . after numbering', () => {
    assert.deepEqual(names(`[${'x'.repeat(128)}]\n[-._]`), ['x'.repeat(128), '-._']);
    refuses(`[${'x'.repeat(129)}]`, /is not a valid name for a decky/);
    refuses(`[${'x'.repeat(126)}]\namount=2`, /is not a valid name for a decky/);
    refuses(
      '[ok]\n[not fine]',
      /^a\.ini:2: \[not fine\]: "not fine" is not a valid name.*A-Z a-z 0-9 - _ \.$/,
    );
    refuses('[ a]', /is not a valid name/);
  });

  test('duplicate names are accepted', () => {
    assert.deepEqual(names('[a]\namount=2\n[a-01]'), ['a-01', 'a-02', 'a-01']);
  });
});

describe('settings of a service', () => {
  test('are text, may precede their decky, and may be for a service that it does not have', () => {
    assert.deepEqual(settings('[web.http]\nCode=200\n[web]\nservices=ssh'), {
      web: { http: { code: '200' } },
    });
  });

  test('include the keys of [DEFAULT]', () => {
    assert.deepEqual(settings('[DEFAULT]\nx=1\n[web]\n[web.ssh]\ny=2'), { web: { ssh: { y: '2', x: '1' } } });
  });

  test('the last dot separates decky and service', () => {
    assert.deepEqual(settings('[a.b]\n[a.b.ssh]\nx=1'), { 'a.b': { ssh: { x: '1' } } });
  });

  test('apply to exactly one decky if it has the name; to the last of duplicate names', () => {
    assert.deepEqual(settings('[a]\n[a-b]\n[a.ssh]\nx=1'), { a: { ssh: { x: '1' } }, 'a-b': {} });
    const [first, , last] = load('[a]\namount=2\n[a-01]\n[a-01.ssh]\nx=1').deckies;
    assert.deepEqual([first?.serviceConfig.size, last?.serviceConfig.size], [0, 1]);
  });

  test('else to each decky whose name begins with it: a group, and others', () => {
    const x = { ssh: { x: '1' } };
    assert.deepEqual(settings('[app]\namount=2\n[app-server]\n[apple]\n[app.ssh]\nx=1'), {
      'app-01': x,
      'app-02': x,
      'app-server': x,
      apple: {},
    });
  });

  test('a later section completely replaces an earlier one', () => {
    const group = '[a.ssh]\nx=1\ny=1\n';
    const member = '[a-02.ssh]\nx=2\n';
    const both = { 'a-01': { ssh: { x: '1', y: '1' } } };
    assert.deepEqual(settings(`[a]\namount=2\n${group}${member}`), { ...both, 'a-02': { ssh: { x: '2' } } });
    assert.deepEqual(settings(`[a]\namount=2\n${member}${group}`), {
      ...both,
      'a-02': { ssh: { x: '1', y: '1' } },
    });
  });
});

describe('problems that DECNET accepts', () => {
  for (const [what, text, expected] of [
    [
      'settings without a decky',
      '[web]\n[wbe.ssh]\nx=1',
      ['a.ini:2: [wbe.ssh]: no decky or group is named "wbe": ignored'],
    ],
    [
      'settings of strangers, with no group',
      '[app-server]\n[app.ssh]',
      [
        'a.ini:2: [app.ssh]: no decky or group is named "app": applies to "app-server", whose names begin with it',
      ],
    ],
    [
      'settings of a group, and of strangers',
      '[app]\namount=2\n[app-server]\n[app.ssh]',
      ['a.ini:4: [app.ssh]: also applies to deckies outside the group "app": "app-server"'],
    ],
    [
      "a member's settings before its group's",
      '[a]\namount=2\n[a-02.ssh]\n[a.ssh]',
      ['a.ini:4: [a.ssh]: replaces all settings of [a-02.ssh] for "a-02": move it above that section'],
    ],
    [
      'a misspelled service, which makes a decky',
      '[web]\n[web.shh]',
      ['a.ini:2: [web.shh]: defines a decky, not settings: there is no service "shh"'],
    ],
    [
      'settings of an own service, which make a decky',
      '[custom-badge]\n[gate]\n[gate.badge]',
      ['a.ini:3: [gate.badge]: defines a decky, not settings: custom services have no subsections'],
    ],
    ['nothing of it', '[a]\namount=2\n[a.ssh]\n[a-02.ssh]\n[web.corp]\n[b]\n[b.ssh]', []],
  ] as const) {
    test(`${what}: a warning`, () => assert.deepEqual(warnings(text), expected));
  }
});
