import { fixture } from './pass.ts';

/** Invalid state files, and the field that the error must name. */
export const brokenFiles: readonly (readonly [what: string, content: string | Buffer, names: RegExp])[] =
  (() => {
    type Decky = Record<string, unknown>;
    const good = (): { config: Record<string, unknown> & { deckies: Decky[] } } =>
      JSON.parse(fixture('unihost-3.decnet-state.json'));
    const edited = (edit: (file: ReturnType<typeof good>) => void): string => {
      const file = good();
      edit(file);
      return JSON.stringify(file);
    };
    const withDecky = (more: Decky): string =>
      edited(({ config }) => Object.assign(config.deckies[1] ?? {}, more));
    const wrongTypes: readonly [string, unknown][] = [
      ['name', 7],
      ['name', null],
      ['ip', 7],
      ['ip', 'not an address'],
      ['services', 'ssh'],
      ['services', []],
      ['services', {}],
      ['hostname', 7],
      ['nmap_os', []],
      ['distro', 1],
      ['base_image', {}],
      ['build_base', false],
      ['archetype', 3],
      ['service_config', []],
      ['service_config', 'x'],
      ['mutate_interval', 'often'],
      ['last_mutated', 'yesterday'],
      ['last_login_attempt', []],
      ['host_uuid', 7],
      ['host_uuid', ''],
      ['host_uuid', 'a/b'],
      ['host_uuid', '..'],
    ];
    const wrongConfig: readonly [string, unknown][] = [
      ['mode', 7],
      ['interface', []],
      ['subnet', null],
      ['gateway', 1],
      ['log_file', 1],
      ['ipvlan', 'no'],
      ['mutate_interval', '30'],
      ['deckies', null],
      ['deckies', {}],
      ['deckies', 'web'],
    ];
    const badNames = ['', 'a/b', '../x', 'a b', 'a'.repeat(129), 'dé', 'a\n', 'a\0'];
    let nested: unknown = 1;
    for (let depth = 0; depth < 150; depth++) nested = [nested];
    const whole = fixture('unihost-3.decnet-state.json');

    return [
      ['empty', '', /is empty/],
      ['blank', ' \n ', /is empty/],
      ['null', 'null', /holds null/],
      ['an array', '[]', /empty list/],
      ['a number', '7', /holds 7/],
      ['binary', Buffer.from([0xff, 0xfe, 0x00, 0x80, 0x9f]), /not UTF-8/],
      ['nonsense', 'decnet', /not JSON/],
      ['NaN as Python writes it', '{"config": {"deckies": [], "mutate_interval": NaN}}', /not JSON/],
      ['no config', '{}', /config is missing/],
      ['config is a list', '{"config": []}', /config must be an object/],
      ['no deckies', '{"config": {}}', /config\.deckies is missing/],
      [
        'a decky is a number',
        edited(({ config }) => config.deckies.push(7 as never)),
        /deckies\[3\] must be an object/,
      ],
      ...['name', 'ip', 'services'].map(
        (field) =>
          [
            `no ${field}`,
            edited(({ config }) => delete config.deckies[1]?.[field]),
            new RegExp(`deckies\\[1\\]\\.${field} is missing`),
          ] as const,
      ),
      ...wrongTypes.map(
        ([field, value]) =>
          [
            `${field}: ${JSON.stringify(value)}`,
            withDecky({ [field]: value }),
            new RegExp(`deckies\\[1\\]\\.${field}`),
          ] as const,
      ),
      ...wrongConfig.map(
        ([field, value]) =>
          [
            `config.${field}: ${JSON.stringify(value)}`,
            edited(({ config }) => Object.assign(config, { [field]: value })),
            new RegExp(`config\\.${field}`),
          ] as const,
      ),
      ...badNames.map(
        (name) =>
          [`name ${JSON.stringify(name.slice(0, 9))}`, withDecky({ name }), /deckies\[1\]\.name/] as const,
      ),
      ['a service that is no text', withDecky({ services: ['ssh', 7] }), /deckies\[1\]\.services\[1\]/],
      ['a service without a name', withDecky({ services: [''] }), /deckies\[1\]\.services\[0\]/],
      [
        'a name twice',
        withDecky({ name: 'web-front' }),
        /deckies\[1\]\.name "web-front" is already that of config\.deckies\[0\]/,
      ],
      [
        'a name twice, once by host',
        withDecky({ name: 'web-front', host_uuid: 'local' }),
        /deckies\[1\]\.name "web-front"/,
      ],
      [
        'a peer’s name twice',
        edited(({ config }) =>
          config.deckies.map((decky) => Object.assign(decky, { name: 'x', host_uuid: 'peer' })),
        ),
        /deckies\[1\]\.name "x" .* host peer/,
      ],
      ['a peer’s bad decky', withDecky({ host_uuid: 'peer', ip: 7 }), /deckies\[1\]\.ip/],
      [
        'deep nesting',
        withDecky({ service_config: { ssh: nested } }),
        /deckies\[1\]\.service_config\.ssh.* nested/,
      ],
      [
        'very deep nesting',
        `{"config": {"deckies": [{"name": "a", "ip": "192.0.2.1", "services": ["x"], "y": ${'['.repeat(50_000)}${']'.repeat(50_000)}}]}}`,
        /nested/,
      ],
      [
        'NUL in a text',
        withDecky({ service_config: { ssh: { banner: 'a\0b' } } }),
        /deckies\[1\]\.service_config\.ssh\.banner/,
      ],
      ['half a surrogate pair', withDecky({ hostname: '\ud800' }), /deckies\[1\]\.hostname/],
      [
        'a number too large',
        withDecky({}).replace(
          '"mutate_interval":30,"last_mutated"',
          '"mutate_interval":1e131072,"last_mutated"',
        ),
        /mutate_interval is a number of more digits/,
      ],
      [
        '__proto__ in the place of a decky’s fields',
        '{"config": {"deckies": [{"__proto__": {"name": "a", "ip": "192.0.2.1", "services": ["ssh"]}}]}}',
        /deckies\[0\]\.name is missing/,
      ],
      ['__proto__ in the place of config', '{"__proto__": {"config": {"deckies": []}}}', /config is missing/],
      ...Array.from({ length: Math.floor(whole.trimEnd().length / 10) }, (_, at) => at * 10)
        .slice(1)
        .map(
          (length) =>
            [`cut at byte ${length}`, whole.slice(0, length), /not complete JSON|not JSON/] as const,
        ),
    ];
  })();
