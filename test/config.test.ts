import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { parseConfig } from '../src/app/config.ts';
import type { Environment } from '../src/lib/environment.ts';
import { FleetError } from '../src/lib/errors.ts';

function fault(env: Environment): FleetError {
  try {
    parseConfig(env);
  } catch (error) {
    if (error instanceof FleetError) return error;
  }
  return assert.fail('it was accepted');
}

describe('the environment', () => {
  test('has defaults', () => {
    const {
      host,
      intervalSeconds: interval,
      graceSeconds: grace,
      historyDays,
      databaseUrl,
      redisUrl,
      logLevel,
    } = parseConfig({});
    assert.deepEqual(
      { host, interval, grace, historyDays, databaseUrl, redisUrl, logLevel },
      {
        host: 'local',
        interval: 30,
        grace: 300,
        historyDays: 30,
        databaseUrl: null,
        redisUrl: null,
        logLevel: 'info',
      },
    );
  });

  for (const [name, values] of Object.entries({
    DECNET_HOST_UUID: ['a/b', '..', '.', 'x'.repeat(65), 'a b', 'a:b'],
    DECNET_INTERVAL: ['0', '86401', '-1', '1.5', 'often', '1e3', '0x10'],
    DECNET_GRACE: ['-1', '86401', 'x'],
    DECNET_CHECK_PORTS: ['yes', '1', 'TRUE'],
    DECNET_HISTORY_DAYS: ['0', 'x'],
    DECNET_NOTIFY_LOGS: ['51', '-1', 'true', '10 lines'],
    DECNET_HOSTS: ['a,b/c'],
    DASHBOARD_TRUSTED_PROXIES: ['proxy', '10.0.0.0/33', '127.0.0.1,x'],
    DASHBOARD_PROXY_ROLE: ['acts', 'admin'],
    DASHBOARD_HOSTS: ['a/b', 'a,b:80', 'https://a', '*.a', '-a', '[::1]'],
    LOG_LEVEL: ['loud'],
    LOG_FORMAT: ['text'],
    OTEL_EXPORTER_OTLP_ENDPOINT: ['collector:4318', 'grpc://collector:4317'],
    DATABASE_URL: ['mysql://x/y', 'nonsense', 'postgresql:/x/y', 'postgres:x/y', 'postgres:\\\\x/y'],
    REDIS_URL: [...['http://x', 'nonsense', 'redis:/x', 'redis:x:6379', 'sentinel://x/m']],
    DECNET_DATABASE_URL: [
      ...[
        '/opt/decnet/decnet.db',
        'nonsense',
        'sqlite:/opt/decnet.db',
        'sqlite://opt/decnet.db',
        'sqlite:///',
      ],
      ...[
        'sqlite:///opt/decnet/',
        'sqlite:///a.db?mode=ro',
        'sqlite:///a.db#1',
        'sqlite:///a%zz',
        'sqlite:///a%00',
      ],
      ...[
        'postgres://x/y',
        'mysql+asyncmy://me@x/y',
        'mysql://x/y',
        'mysql://me@x',
        'mysql://me@x/',
        'mysql://me@x/y/z',
      ],
      ...[
        'mysql:me@x/y',
        'mysql:///y',
        'mysql://me:%zz@x/y',
        'mysql://me@x:99999/y',
        'mysql://me@x/y?charset=latin1',
      ],
      ...['mysql://me@x/y?tls=yes', 'mysql://me@x/y?ca=/f', 'mariadb://me@x/y#z'],
    ],
    DECNET_WEBHOOK_URL: ['ftp://x', 'nonsense', 'redis://x', 'https:/x/y', 'https:x', 'https:\\\\x'],
    DASHBOARD_PUBLIC_URL: ['ftp://x', 'fleet.example', 'http:/fleet.example'],
  })) {
    for (const value of values) {
      test(`${name}=${value} is reported with the allowed values`, () => {
        const { code, message } = fault({ [name]: value });
        assert.equal(code, 'CONFIG_INVALID');
        assert.match(message, new RegExp(`^${name} is .*; allowed: `));
      });
    }
  }

  test('a header of a proxy needs trusted proxies, and a name of its own', () => {
    const header = { DASHBOARD_PROXY_HEADER: 'X-Forwarded-User' };
    assert.match(
      fault(header).message,
      /^DASHBOARD_PROXY_HEADER is set without DASHBOARD_TRUSTED_PROXIES; set/,
    );
    const { dashboardProxy } = parseConfig({ ...header, DASHBOARD_TRUSTED_PROXIES: '127.0.0.1, 10.0.0.0/8' });
    assert.deepEqual(dashboardProxy, {
      header: 'x-forwarded-user',
      trusted: ['127.0.0.1', '10.0.0.0/8'],
      role: 'look',
    });
    for (const name of ['Authorization', 'cookie', 'a b'])
      assert.match(
        fault({ DASHBOARD_PROXY_HEADER: name, DASHBOARD_TRUSTED_PROXIES: '::1' }).message,
        /^DASHBOARD_PROXY_HEADER is ".*"; allowed/,
      );
  });

  test('all wrong values are reported together', () => {
    const { message } = fault({ DECNET_INTERVAL: 'x', DECNET_GRACE: 'y', LOG_LEVEL: 'z' });
    assert.match(message, /DECNET_INTERVAL.*DECNET_GRACE.*LOG_LEVEL/);
  });

  test('an invalid address is not shown: it may contain a password', () => {
    for (const name of ['DATABASE_URL', 'REDIS_URL', 'DECNET_WEBHOOK_URL', 'DASHBOARD_PUBLIC_URL'])
      for (const value of [
        'smb://me:secret@x/y',
        'smb://x/secret',
        'postgresql:/me:secret@x/y',
        'redis:/me:secret@x',
        'https:/me:secret@x',
        'postgres://me:secret@x:port/y',
        'redis://me:sec ret@ x secret',
        'postgres://me:12/secret@x/y',
        'postgres://me:12?secret@x/y',
        'redis://me:12#secret@x/0',
        'rediss://me:1/secret@x',
        'secret',
      ])
        assert.doesNotMatch(fault({ [name]: value }).message, /sec ?ret/, `${name}=${value}`);
  });

  test("an invalid address of DECNET's database is not shown either", () => {
    for (const value of [
      'mysql+asyncmy://me:secret@x/y',
      'mysql:/me:secret@x/y',
      'mysql://me:1/secret@x/y',
      'mysql://me:1?secret@x/y',
      'mysql://me:1#secret@x/y',
      'mysql://me:secret@x:port/y',
      'mysql://me:secret@x',
      'mysql://me:sec%ret@x/y',
    ])
      assert.doesNotMatch(fault({ DECNET_DATABASE_URL: value }).message, /sec%?ret/, value);
  });

  for (const [name, value] of [
    ['DATABASE_URL', 'postgres:///fleet?host=/run/postgresql'],
    ['DATABASE_URL', 'POSTGRESQL://me:a%40b@x/y'],
    ['DATABASE_URL', 'postgres://me:a%2Fb@x/y?options=a@b'],
    ['DATABASE_URL', 'postgres://me:a@b@x:5432/y'],
    ['REDIS_URL', 'rediss://:secret@x:6379/0'],
    ['REDIS_URL', 'redis+sentinel://me:a%40b@x:26379,[::1]/m/3?sentinelPassword=y'],
    ['DECNET_DATABASE_URL', 'sqlite:///opt/decnet/decnet.db'],
    ['DECNET_DATABASE_URL', 'mariadb://me:a%40b%2Fc@x:3307/decnet?tls=true&ca=/etc/ca.pem'],
    ['DECNET_DATABASE_URL', 'mysql://me@localhost/decnet?socket=/run/mysqld/mysqld.sock'],
    ['DECNET_WEBHOOK_URL', 'https://x/@me'],
    ['DECNET_WEBHOOK_URL', 'https://x/y?token=z'],
  ] as const) {
    test(`${name}=${value} is an address`, () => {
      const { databaseUrl, redisUrl, decnetDatabaseUrl, receivers } = parseConfig({ [name]: value });
      assert.deepEqual(
        [databaseUrl, redisUrl, decnetDatabaseUrl, receivers[0]?.url.href ?? null].filter(
          (found) => found !== null,
        ),
        [value],
      );
    });
  }

  test('valid values are accepted', () => {
    const config = parseConfig({ DECNET_HOST_UUID: 'a.b-c_D', DECNET_HOSTS: ' a, b ,a', DECNET_GRACE: '0' });
    assert.deepEqual([config.host, config.hosts, config.graceSeconds], ['a.b-c_D', ['a', 'b'], 0]);
  });
});

describe('secrets in files', () => {
  const directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-secrets-'));
  after(() => rmSync(directory, { recursive: true }));
  const file = (name: string, content: string): string => {
    const path = join(directory, name);
    writeFileSync(path, content);
    return path;
  };

  test('are read, without the line break at their end', () => {
    const config = parseConfig({
      DATABASE_URL_FILE: file('database', 'postgresql://u:p%26w@h/d?a=1&b=2\n'),
      DASHBOARD_USER: 'ops',
      DASHBOARD_PASSWORD_FILE: file('password', 'a & "b"\n'),
      REDIS_URL_FILE: '',
    });
    assert.equal(config.databaseUrl, 'postgresql://u:p%26w@h/d?a=1&b=2');
    assert.deepEqual(config.login, { user: 'ops', password: 'a & "b"' });
    assert.equal(config.redisUrl, null);
  });

  test('that cannot be used are one clear line each, without the secret', () => {
    for (const [env, why] of [
      [{ REDIS_URL_FILE: '/none' }, /^REDIS_URL_FILE is "\/none", which cannot be read \(ENOENT\)$/],
      [{ REDIS_URL_FILE: directory }, /which cannot be read \(EISDIR\)$/],
      [{ REDIS_URL_FILE: file('empty', ' \n') }, /which is empty$/],
      [{ REDIS_URL_FILE: file('large', 'x'.repeat(70_000)) }, /which is larger than 64 KB$/],
      [
        { REDIS_URL: 'redis://h', REDIS_URL_FILE: file('redis', 'redis://h') },
        /^REDIS_URL and REDIS_URL_FILE are both set; unset one of them$/,
      ],
      [{ REDIS_URL_FILE: file('wrong', 'secret-word') }, /^REDIS_URL is not an address/],
    ] as const) {
      const { message } = fault(env);
      assert.match(message, why);
      assert.doesNotMatch(message, /secret-word/);
    }
  });
});
