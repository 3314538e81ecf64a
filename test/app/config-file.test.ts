import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { checkConfigFile, parseConfig } from '../../src/app/config.ts';
import { type Findings, readConfigFile } from '../../src/app/config-file.ts';
import { keyOf, secretNames, settingNames, settingOf } from '../../src/app/settings.ts';
import type { Environment } from '../../src/lib/environment.ts';
import { FleetError } from '../../src/lib/errors.ts';

const directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-config-'));
after(() => rmSync(directory, { recursive: true }));

let files = 0;
function write(content: string, mode = 0o600): string {
  files += 1;
  const path = join(directory, `${files}.yaml`);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

const parsed = (content: string, env: Environment = {}) =>
  parseConfig({ DECNET_FLEET_CONFIG: write(content), ...env });

function faults(env: Environment): readonly string[] {
  try {
    parseConfig(env);
  } catch (error) {
    if (error instanceof FleetError && error.code === 'CONFIG_INVALID') return error.message.split('; ');
    throw error;
  }
  return assert.fail('it was accepted');
}

describe('the configuration file', () => {
  test('has every setting', () => {
    /** A value of each setting that is not the default. */
    const values: Readonly<Record<string, string>> = {
      DATABASE_URL: 'postgres://h/d',
      REDIS_URL: 'rediss://h',
      DECNET_DATABASE_URL: 'sqlite:///a.db',
      DECNET_NOTIFY: 'https://n/',
      DECNET_WEBHOOK_URL: 'https://w/',
      DECNET_HEARTBEAT_URL: 'https://b/',
      DASHBOARD_PUBLIC_URL: 'https://d',
      DECNET_CHECK_PORTS: 'true',
      LOG_LEVEL: 'debug',
      LOG_FORMAT: 'json',
      DASHBOARD_PROXY_HEADER: 'X-User',
      DASHBOARD_TRUSTED_PROXIES: '10.0.0.0/8',
      DASHBOARD_PROXY_ROLE: 'act',
    };
    const given = settingNames.map((name) => [name, values[name] ?? '7'] as const);
    const fromFile = parsed(given.map(([name, value]) => `${keyOf(name)}: ${value}\n`).join(''));
    const fromEnvironment = parseConfig(Object.fromEntries(given));
    assert.deepEqual({ ...fromFile, sources: null }, { ...fromEnvironment, sources: null });
    for (const [at, [name, text]] of given.entries()) {
      const { file } = fromFile.sources;
      assert.deepEqual(
        fromFile.sources.values.get(name),
        { text, origin: { kind: 'config file', file, line: at + 1 } },
        name,
      );
    }
  });

  test('is less than the environment, and more than a default', () => {
    const config = parsed('decnet_interval: 60\ndecnet_grace: 5\n', {
      DECNET_INTERVAL: '10',
      DECNET_GRACE: '',
    });
    assert.deepEqual([config.intervalSeconds, config.graceSeconds, config.rolloutSeconds], [10, 5, 900]);
  });

  test('has values as they are written, lists, and flags that are off', () => {
    const config = parsed(`
dashboard_user: &name 0o17
dashboard_password: 0123
decnet_hosts: [a, b]
decnet_notify:
  - https://x/?name=one
  - https://y/?name=two
docker_tls_verify: false
decnet_host_uuid: *name
decnet_state_file:
`);
    assert.deepEqual(config.login, { user: '0o17', password: '0123' });
    assert.deepEqual(config.hosts, ['a', 'b']);
    assert.deepEqual(
      config.receivers.map(({ name }) => name),
      ['one', 'two'],
    );
    assert.equal(config.docker.tlsVerify, false);
    assert.deepEqual([config.host, config.stateFile], ['0o17', null]);
  });

  test('may be empty, or /dev/null', () => {
    for (const path of [write(''), write('# nothing\n'), '/dev/null'])
      assert.equal(parseConfig({ DECNET_FLEET_CONFIG: path }).intervalSeconds, 30);
  });

  test('names files with secrets, which are less than the environment', () => {
    const secret = write('redis://h\n');
    const config = parsed(`redis_url_file: ${secret}\n`);
    assert.equal(config.redisUrl, 'redis://h');
    const { origin } = config.sources.values.get('REDIS_URL') ?? assert.fail();
    assert.deepEqual(origin, {
      kind: 'secret file',
      file: secret,
      named: `${config.sources.file}:1: redis_url_file`,
    });
    assert.equal(parsed('redis_url_file: /none', { REDIS_URL: 'redis://e' }).redisUrl, 'redis://e');
  });

  for (const [content, expected] of [
    ['decnet_intervall: 3', '1: "decnet_intervall" is not a key; did you mean decnet_interval?'],
    ['\ninterval: 3', '2: "interval" is not a key; did you mean decnet_interval?'],
    ['DATABASE_URL: x', '1: "DATABASE_URL" is not a key; did you mean database_url?'],
    ['decnet_interval_file: x', '1: "decnet_interval_file" is not a key; docs/configuration.md lists all'],
    ['decnet_fleet_config: x', '1: "decnet_fleet_config" is not a key; docs/configuration.md lists all'],
    ['decnet_interval: soon', '1: decnet_interval is "soon"; allowed: a whole number from 1 to 86400'],
    ['decnet_interval: [1, 2]', '1: decnet_interval takes one value'],
    ['decnet_interval: {a: 1}', '1: decnet_interval takes one value'],
    ['decnet_hosts: [[a]]', '1: decnet_hosts takes a text or a list of texts'],
    ['decnet_hosts: &a [x, *a]', '1: decnet_hosts takes a text or a list of texts'],
    ['decnet_grace: 1\ndecnet_grace: 2', '2: not valid YAML: a key is there twice'],
    ['redis_url: "redis://:secret', '1: not valid YAML: missing char'],
    ['- redis://:secret', '1: not a list of settings; each is a line `key: value`'],
    ['redis://:secret', '1: not a list of settings; each is a line `key: value`'],
    ['redis_url: !vault secret', '1: not valid YAML: tag resolve failed'],
    ['log_level: debug\n---\nlog_level: info', '2: not valid YAML: multiple docs'],
    [
      'redis_url: http://secret',
      '1: redis_url is not an address; allowed: redis://…, rediss://…, redis+sentinel://…, rediss+sentinel://…',
    ],
    [
      'redis_url: redis://h\nredis_url_file: /none',
      '2: redis_url and redis_url_file are both set; remove one of them',
    ],
    ['redis_url_file: /none', '1: redis_url_file is "/none", which cannot be read (ENOENT)'],
  ] as const) {
    test(`${JSON.stringify(content)}: one error with its line, and no secret`, () => {
      const path = write(content);
      const line = `${path}:${expected}`;
      assert.equal(faults({ DECNET_FLEET_CONFIG: path }).join('; '), line);
      assert.deepEqual(checkConfigFile(path).problems, [line]);
    });
  }

  test('that cannot be used is one clear line', () => {
    const large = write('#'.repeat(1024 * 1024 + 1));
    const writable = write('decnet_interval: 3', 0o602);
    const folder = join(directory, 'folder');
    mkdirSync(folder);
    assert.deepEqual(
      ['/none.yaml', folder, large, writable].map((path) => faults({ DECNET_FLEET_CONFIG: path })),
      [
        ['DECNET_FLEET_CONFIG is "/none.yaml", which cannot be read (ENOENT)'],
        [`DECNET_FLEET_CONFIG is "${folder}", which cannot be read (EISDIR)`],
        [`${large} is larger than 1 MB`],
        [
          `${writable} can be written by every user of this machine, so it is not used`,
          'run `chmod o-w` on it',
        ],
      ],
    );
  });

  test('with secrets that everybody can read is a warning', () => {
    const path = write('redis_url: redis://h\n', 0o644);
    assert.deepEqual(parseConfig({ DECNET_FLEET_CONFIG: path }).warnings, [
      `${path} has redis_url, and every user of this machine can read it; run \`chmod o-r\` on it`,
    ]);
    assert.deepEqual(parseConfig({ DECNET_FLEET_CONFIG: write('decnet_grace: 1', 0o644) }).warnings, []);
  });

  test('in its usual location is used if it is there, and the current directory is not looked at', () => {
    const findings: Findings = { problems: [], warnings: [] };
    const usual = write('decnet_grace: 7');
    assert.equal(readConfigFile({}, findings, usual)?.values.get('DECNET_GRACE')?.text, '7');
    assert.equal(readConfigFile({}, findings, '/none/fleet.yaml'), null);
    assert.deepEqual(findings, { problems: [], warnings: [] });
  });

  test('in its usual location, which this user may not read, is a warning', () => {
    const findings: Findings = { problems: [], warnings: [] };
    const usual = write('decnet_grace: 7', 0);
    const isRoot = process.getuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    try {
      assert.equal(readConfigFile({}, findings, usual), null);
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
    assert.deepEqual(findings.problems, []);
    assert.match(findings.warnings.join(), /\.yaml is not used: this user may not read it/);
  });

  test('is checked by itself: what other sources have to add is not missed', () => {
    const path = write('dashboard_user: ops\ndecnet_grace: 1\n');
    assert.deepEqual(checkConfigFile(path), { problems: [], warnings: [], count: 2 });
    const { login, loginProblem } = parseConfig({ DECNET_FLEET_CONFIG: path });
    assert.deepEqual([login, loginProblem], [null, 'DASHBOARD_PASSWORD is not set; set both, or neither']);
  });
});

describe('credentials of systemd', () => {
  const credentials = join(directory, 'credentials');
  mkdirSync(credentials);
  const env = { CREDENTIALS_DIRECTORY: credentials };
  writeFileSync(join(credentials, 'redis_url'), 'redis://credential\n');
  writeFileSync(join(credentials, 'decnet_interval'), '7\n');

  test('are secrets, less than the environment and more than the configuration file', () => {
    const config = parsed('redis_url: redis://file\ndatabase_url: postgres://file/d', env);
    assert.deepEqual([config.redisUrl, config.databaseUrl], ['redis://credential', 'postgres://file/d']);
    assert.equal(config.intervalSeconds, 30);
    assert.deepEqual(config.sources.values.get('REDIS_URL')?.origin, {
      kind: 'credential',
      file: join(credentials, 'redis_url'),
    });
    assert.equal(parsed('', { ...env, REDIS_URL: 'redis://e' }).redisUrl, 'redis://e');
  });

  test('that are empty are an error', () => {
    writeFileSync(join(credentials, 'database_url'), '\n');
    const [line] = faults(env);
    rmSync(join(credentials, 'database_url'));
    assert.equal(
      line,
      `The credential database_url is "${join(credentials, 'database_url')}", which is empty`,
    );
  });
});

describe('variables that are not known', () => {
  const warnings = (...names: readonly string[]) =>
    parseConfig(Object.fromEntries(names.map((name) => [name, 'x']))).warnings;

  for (const [name, expected] of [
    ['DECNET_INTERVALL', '; did you mean DECNET_INTERVAL?'],
    ['DECNET_STATEFILE', '; did you mean DECNET_STATE_FILE?'],
    ['DECNET_FLEET_INTERVAL', '; did you mean DECNET_INTERVAL?'],
    ['DECNET_FLEET_CONFIGS', '; did you mean DECNET_FLEET_CONFIG?'],
    ['DECNET_FLEET_COLOUR', '; docs/configuration.md lists all'],
    ['DASHBOARD_USR', '; did you mean DASHBOARD_USER?'],
    ['DASHBOARD_THEME', '; docs/configuration.md lists all'],
    ['DECNET_GRACE_FILE', ': DECNET_GRACE cannot be given as a file'],
  ] as const) {
    test(`${name} is a warning`, () => {
      assert.deepEqual(warnings(name), [`${name} is set, but there is no such setting${expected}`]);
    });
  }

  test("DECNET's own variables, Kubernetes' and empty ones are none", () => {
    const others =
      'BUS_TYPE BUS_GROUP DB_TYPE DB_URL DB_HOST DB_PORT DB_NAME DB_USER DB_PASSWORD API_HOST API_PORT WEB_HOST WEB_PORT MODE CONFIG DEVELOPER JWT_SECRET ADMIN_USER ADMIN_PASSWORD MASTER_HOST SWARMCTL_HOST BATCH_SIZE AGENT_LOG_FILE INGEST_LOG_FILE SYSTEM_LOGS OTEL_ENDPOINT CORS_ORIGINS WEBHOOK_ALLOW_PRIVATE PROFILE_DIR';
    assert.deepEqual(
      warnings(
        ...others.split(' ').map((name) => `DECNET_${name}`),
        'DASHBOARD_SERVICE_HOST',
        'DASHBOARD_SERVICE_PORT_HTTP',
        'DASHBOARD_PORT_7070_TCP_ADDR',
        'DECNET_FLEET_PORT',
        'DASHBOARD_LISTEN',
        'DASHBOARD_PORT',
        'LOG_LEVELS',
      ),
      [],
    );
    assert.deepEqual(parseConfig({ DASHBOARD_USR: '' }).warnings, []);
  });

  test('a known one is none', () => {
    for (const name of settingNames) {
      const names = [name, ...(settingOf(name).secret === undefined ? [] : [`${name}_FILE`])];
      for (const one of names)
        try {
          assert.deepEqual(warnings(one), [], one);
        } catch (error) {
          if (!(error instanceof FleetError)) throw error;
        }
    }
    assert.ok(secretNames.length > 5);
  });
});
