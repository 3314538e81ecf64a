import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { drawNumber, seededRandom } from '../../src/builder/random.ts';
import { maskSecrets } from '../../src/fleet/secrets.ts';
import type { Json } from '../../src/lib/json.ts';
import { parseJson } from '../../src/lib/json-text.ts';
import { seed } from '../harness/seed.ts';

const hidden = '***';
const masked = (settings: Json): Json => {
  const { service_config, ...rest } = maskSecrets({
    name: 'web',
    token: 'of no service',
    service_config: settings,
  }) as {
    readonly [key: string]: Json;
  };
  assert.deepEqual(rest, { name: 'web', token: 'of no service' });
  return service_config ?? null;
};
const one = (key: string, value: Json): Json | undefined =>
  (masked({ ssh: { [key]: value } }) as { ssh: { [key: string]: Json } }).ssh[key];

describe('a setting that is a secret by its key', () => {
  for (const key of [
    ...[
      'password',
      'passwords',
      'passwd',
      'pwd',
      'pass',
      'passphrase',
      'PASSWORD',
      'root_password',
      'rootPassword',
    ],
    ...[
      'user-passwords',
      'MYSQL_ROOT_PASSWORD',
      'requirepass',
      'pass1',
      'password_2',
      'password_hash',
      'DB_PWD',
    ],
    ...['secret', 'secrets', 'client_secret', 'clientSecret', 'token', 'tokens', 'authToken', 'token_for_x'],
    ...[
      'credential',
      'credentials',
      'sudo.credentials',
      'creds',
      'auth',
      'basic_auth',
      'authorization',
      'psk',
      'otp',
    ],
    ...[
      'private_key',
      'privateKey',
      'private-key',
      'api_key',
      'apikey',
      'apiKeys',
      'API-KEY',
      'access_key',
      'host_key',
    ],
    ...[
      'sshHostKey',
      'SSHHostKey',
      'ssh_key',
      'hostkeys',
      'ssh_host_ed25519_key',
      'signing_key',
      'master_key',
    ],
    ...[
      'hash',
      'ntlm',
      'ntlm_hash',
      'ntHash',
      'salt',
      'cookie',
      'cookies',
      'session',
      'session_id',
      'sessionKey',
    ],
    ...['dsn', 'DSN', 'sentry_dsn', 'connection_string', 'connectionString', 'connstr', 'pin', 'jwt'],
    ...['user', 'users', 'valid_users', 'accounts', 'mailAccounts', 'logins', 'community'],
  ]) {
    test(key, () => {
      for (const value of ['correct horse', ['a', 'b'], { root: 'toor' }, [{ name: 'root' }]])
        assert.equal(one(key, value), hidden);
      assert.deepEqual([one(key, null), one(key, '')], [null, '']);
    });
  }

  test('a number is a password, too, but no more than an amount of others', () => {
    assert.equal(one('password', 1234), hidden);
    assert.equal(one('users', 5), 5);
    assert.equal(one('session', '30'), '30');
    assert.equal(one('allow_password', true), true);
  });

  test('a key is one where it looks like one', () => {
    assert.equal(one('key', 'A1b2C3d4E5f6'), hidden);
    assert.equal(one('license_keys', ['x']), hidden);
    assert.equal(one('keys', ['A1b2C3d4E5f6']), hidden);
    assert.equal(one('primary_key', 'id'), 'id');
    assert.equal(one('hot_key', 'F5'), 'F5');
  });

  test('names and values as lists have them', () => {
    assert.deepEqual(
      masked({
        env: [
          { name: 'ROOT_PASSWORD', value: 'x' },
          { name: 'PORT', value: '22' },
        ],
      }),
      {
        env: [
          { name: 'ROOT_PASSWORD', value: hidden },
          { name: 'PORT', value: '22' },
        ],
      },
    );
  });
});

describe('a setting that is a secret by its value', () => {
  const pem =
    '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----';
  for (const [what, value, shown] of [
    ['a PEM block', pem, hidden],
    ['a PEM block in a text, on one line', `key: ${pem.replaceAll('\n', '\\n')} end`, `key: ${hidden} end`],
    ['half a PEM block', pem.slice(0, 60), hidden],
    ['an address', 'mysql://root:p@ss/word@db/x', `mysql://root:${hidden}@db/x`],
    ['an address with one slash', 'mysql:/root:pw@db/x', `mysql:/root:${hidden}@db/x`],
    ['an address with a token', 'https://x/y?access_token=abc', `https://x/y?access_token=${hidden}`],
    ['a connection string', 'Server=db;Uid=sa;Pwd=abc;Port=1', `Server=db;Uid=sa;Pwd=${hidden};Port=1`],
    ['libpq’s', "host=db password='a b' dbname=x", `host=db password=${hidden} dbname=x`],
    ['an assignment', 'MYSQL_ROOT_PASSWORD=toor', `MYSQL_ROOT_PASSWORD=${hidden}`],
    ['MD5 of crypt', '$1$abcdefgh$4gKfZs4BqzUTCZbXrJ0pE0', hidden],
    ['bcrypt', 'root:$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW', `root:${hidden}`],
    ['SHA-256 of crypt', '$5$rounds=5000$saltsalt$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8', hidden],
    ['SHA-512 of crypt', '$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2', hidden],
    ['yescrypt', '$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7', hidden],
    ['argon2', '$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub', hidden],
    ['LDAP’s', '{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=', hidden],
    ['PostgreSQL’s', `md5${'0123456789abcdef'.repeat(2)}`, hidden],
    ['MySQL’s', `*${'0123456789ABCDEF0123'.repeat(2)}`, `*${hidden}`],
    ['a JWT', `Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl`, `Bearer ${hidden}`],
    ['a JWT without a signature', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.', hidden],
    ['a known token', `ghp_${'Ab1'.repeat(6)}`, hidden],
    ['hexadecimal digits', `build 0x${'0123456789abcdef'.repeat(2)}!`, `build ${hidden}!`],
    ['two of them', `${'0123456789abcdef'.repeat(2)}:${'0123456789abcdef'.repeat(2)}`, `${hidden}:${hidden}`],
  ] as const) {
    test(what, () => {
      assert.equal(one('motd', value), shown);
      assert.deepEqual(one('list', [{ deep: value }]), [{ deep: shown }]);
    });
  }

  test('base64 of 24 bytes and more, of both alphabets', () => {
    let missed = 0;
    const random = seededRandom(seed);
    for (let round = 0; round < 2000; round++) {
      const bytes = Buffer.from(Array.from({ length: 24 + (round % 40) }, () => drawNumber(random, 0, 255)));
      const text = bytes.toString(round % 2 === 0 ? 'base64' : 'base64url');
      if (one('blob', text) !== hidden) missed += 1;
    }
    // A few happen to look like words: less than one in a hundred.
    assert.ok(missed < 20, String(missed));
  });

  test('where it is a key', () => {
    assert.deepEqual(masked({ map: { $1$abcdefgh$4gKfZs4BqzUTCZbXrJ0pE0: 'root' } }), {
      map: { [hidden]: 'root' },
    });
  });
});

describe('ordinary settings stay readable', () => {
  const settings: Json = {
    banner: 'SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.1',
    motd: 'Welcome to Ubuntu 22.04.4 LTS (GNU/Linux 5.15.0-76-generic x86_64)\n\n * Documentation:  https://help.example',
    server_header: 'Apache/2.4.41 (Ubuntu) OpenSSL/1.1.1f mod_fcgid/2.3.9 PHP/7.4.3',
    user_agent: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)',
    port: 2222,
    ports: ['22', '2222'],
    version: '8.0.36-0ubuntu0.22.04.1',
    kernel_version: '5.15.0-76-generic',
    response_code: '503',
    hostname: 'WIN-SERVER-2019-Datacenter-Evaluation-x64',
    long_name: 'srv-backup-fileserver-frankfurt-building-12',
    domain: 'corp.example',
    keyboard_layout: 'en-us',
    keyboard: 'de',
    username: 'root',
    user_count: '12',
    workgroup: 'WORKGROUP',
    share_path: '/srv/samba/shares/Department1/Public/Documents/2024',
    web_root: '/usr/share/nginx/html/some/very/long/path/of/lower/case',
    page: 'https://intranet.example/Portal/Pages/Default2.aspx?id=5&lang=en',
    camel_case: 'StrictHostKeyCheckingAcceptNewAlways',
    ciphers: 'aes256-gcm@openssh.com,chacha20-poly1305@openssh.com',
    host_key_algorithms: 'ssh-ed25519,rsa-sha2-512',
    auth_method: 'publickey',
    password_authentication: 'yes',
    password_prompt: 'Password: ',
    min_password_length: '8',
    session_timeout: '300',
    token_lifetime: 60,
    cookie_name: 'sid',
    hash_algorithm: 'sha512',
    instance: '10000000-0000-4000-8000-000000000001',
    mac: '00:15:5d:01:02:03',
    line: '----------------------------------------=',
    compass: true,
    monkey: 'see',
    tokenize: false,
    nothing: null,
    empty: '',
  };
  for (const [key, value] of Object.entries(settings)) {
    test(key, () => assert.deepEqual(one(key, value), value));
  }

  test('what is no object of a decky is left alone', () => {
    for (const value of [null, 'x', 1, [], { service_config: null }, { password: 'of no service' }])
      assert.deepEqual(maskSecrets(value), value);
  });

  test('the names of objects’ own properties are ordinary keys', () => {
    const settings = JSON.parse('{"ssh": {"__proto__": {"password": "x"}, "constructor": "y"}}');
    assert.equal(
      JSON.stringify(masked(settings)),
      '{"ssh":{"__proto__":{"password":"***"},"constructor":"y"}}',
    );
  });

  test('a large setting takes no long time', () => {
    for (const part of ['a', 'a.', 'a-', '$1$', '-----BEGIN A-----', 'eyJ', 'password', 'a:/', 'Ab1/']) {
      const started = performance.now();
      one('motd', part.repeat(200_000));
      assert.ok(performance.now() - started < 5000, part);
    }
  });
});

test('a number that JavaScript would change is shown or masked as any other, and stays the same', () => {
  const settings = parseJson(
    '{"ssh":{"port":22.0,"big":750727362669608961,"pin":1.0,"password":1e400,"api_key":2.0,"key":123456789012.00e1,"min_length":8.0,"env":[{"name":"ROOT_PASSWORD","value":7.0},{"name":"SIZE","value":7.0}]}}',
  );
  assert.equal(
    JSON.stringify(masked(settings)),
    '{"ssh":{"port":22.0,"big":750727362669608961,"pin":"***","password":"***","api_key":2.0,"key":123456789012.00e1,"min_length":8.0,"env":[{"name":"ROOT_PASSWORD","value":"***"},{"name":"SIZE","value":7.0}]}}',
  );
  const inText = '{"dsn":"postgres://u:p@h","size":7.0}';
  assert.equal(one('banner', inText), '{"dsn":"postgres://u:***@h","size":7.0}');
});
