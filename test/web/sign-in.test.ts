import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hashPassword, isPasswordHash, isPasswordOf } from '../../src/lib/password-hash.ts';
import { isFromOurPage } from '../../src/web/security.ts';
import { openAccounts } from '../../src/web/sign-in/accounts.ts';
import { cookieName, cookiesIn, setCookie } from '../../src/web/sign-in/cookie.ts';
import { isNetwork, trustedBy } from '../../src/web/sign-in/proxies.ts';
import { sessionSeconds, sessions } from '../../src/web/sign-in/sessions.ts';
import { loginPath, targetIn } from '../../src/web/sign-in/target.ts';
import { parseUsers } from '../../src/web/sign-in/users.ts';

const password = 'a long: "passwörd"';
const hash = await hashPassword(password);

describe('the hash of a password', () => {
  test('fits only this password, and is another one each time', async () => {
    assert.match(hash, /^\$scrypt\$ln=15,r=8,p=3\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    assert.ok(await isPasswordOf(password, hash));
    for (const wrong of ['', password.slice(1), `${password} `])
      assert.ok(!(await isPasswordOf(wrong, hash)), wrong);
    assert.notEqual(await hashPassword(password), hash);
  });

  test('that costs too much memory, or is cut, is not valid', () => {
    assert.ok(isPasswordHash(hash));
    for (const wrong of ['', 'secret', hash.slice(0, 30), hash.replace('ln=15', 'ln=40'), `${hash}:x`])
      assert.ok(!isPasswordHash(wrong), wrong);
  });
});

describe('the file of users', () => {
  test('has a user a line', () => {
    const { users, problems } = parseUsers(
      `# ours\n\nops:act:${hash}\r\n guest : look : ${hash}\nproxied:act\n`,
    );
    assert.deepEqual(problems, []);
    assert.deepEqual(
      [...users.values()],
      [
        { name: 'ops', role: 'act', hash },
        { name: 'guest', role: 'look', hash },
        { name: 'proxied', role: 'act', hash: null },
      ],
    );
  });

  for (const [line, problem] of [
    ['ops', /^line 2: the role of ops is not valid\. Allowed: look, act$/],
    ['ops:acts:', /^line 2: the role of ops is not valid\. Did you mean act\? Allowed/],
    [':act:x', /^line 2: the name is not valid; allowed: 1 to 100 characters without a colon/],
    ['o\u0007ps:act', /^line 2: the name is not valid/],
    ['ops:act:secret', /^line 2: the hash of ops is not valid; decnet-fleet hash-password makes one$/],
    [`ops:act:${hash}:x`, /^line 2: the hash of ops is not valid/],
    ['first:look', /^line 2: user first is there twice$/],
  ] as const)
    test(`${JSON.stringify(line.slice(0, 30))} is reported with its line, and without the hash`, () => {
      const { problems } = parseUsers(`first:act:${hash}\n${line}`);
      assert.equal(problems.length, 1);
      assert.match(problems[0] ?? '', problem);
      assert.doesNotMatch(problems[0] ?? '', /scrypt|secret/);
    });
});

describe('who may sign in', () => {
  const file = { find: (name: string) => parseUsers(lines).users.get(name) ?? null, close: () => undefined };
  let lines = `guest:look:${hash}\nproxied:act`;
  const accounts = openAccounts({ user: 'ops', password: 'secret-of-ops' }, file);

  test('the configured user and those of the file, each with its role', async () => {
    assert.deepEqual(await accounts.check({ user: 'ops', password: 'secret-of-ops' }), {
      name: 'ops',
      role: 'act',
    });
    for (let times = 0; times < 2; times += 1)
      assert.deepEqual(await accounts.check({ user: 'guest', password }), { name: 'guest', role: 'look' });
    for (const [user, given] of [
      ['ops', password],
      ['guest', 'secret-of-ops'],
      ['proxied', ''],
      ['none', password],
      ['', ''],
    ] as const)
      assert.equal(await accounts.check({ user, password: given }), null, user);
  });

  test('a right password is not right any more when the file has another hash, or no such user', async () => {
    lines = 'guest:look';
    assert.equal(await accounts.check({ user: 'guest', password }), null);
    lines = '# nobody';
    assert.equal(await accounts.check({ user: 'guest', password }), null);
  });
});

describe('a session', () => {
  let now = 1_000_000;
  const of = (opsPassword: string, lines: string) => {
    const file = {
      find: (name: string) => parseUsers(lines).users.get(name) ?? null,
      close: () => undefined,
    };
    return sessions(openAccounts({ user: 'ops', password: opsPassword }, file), () => now);
  };
  const usual = `guest:look:${hash}`;
  const ours = of('secret-of-ops', usual);

  test('is accepted by each dashboard with the same users, for twelve hours', async () => {
    for (const [name, role] of [
      ['ops', 'act'],
      ['guest', 'look'],
    ] as const) {
      const value = (await ours.begin(name)) ?? '';
      const found = await of('secret-of-ops', usual).read(value);
      assert.deepEqual(found?.account, { name, role });
      assert.equal(found.endsAt, now + 12 * 3600);
      now += sessionSeconds - 1;
      assert.ok((await ours.read(value)) !== null);
      now += 1;
      assert.equal(await ours.read(value), null);
    }
    assert.equal(await ours.begin('none'), null);
  });

  test('ends with another password, another hash, and without its user; the role is that of now', async () => {
    const [ops = '', guest = ''] = [(await ours.begin('ops')) ?? '', (await ours.begin('guest')) ?? ''];
    assert.equal(await of('another', usual).read(ops), null);
    assert.equal(await of('secret-of-ops', `guest:look:${await hashPassword(password)}`).read(guest), null);
    assert.equal(await of('secret-of-ops', '').read(guest), null);
    assert.equal(await of('secret-of-ops', 'guest:look').read(guest), null);
    const promoted = await of('secret-of-ops', `guest:act:${hash}`).read(guest);
    assert.equal(promoted?.account.role, 'act');
  });

  test('that was signed out is refused, and no other one', async () => {
    const [one = '', other = ''] = [(await ours.begin('ops')) ?? '', (await ours.begin('ops')) ?? ''];
    const found = await ours.read(one);
    assert.ok(found !== null);
    ours.signOut(found);
    assert.equal(await ours.read(one), null);
    assert.ok((await ours.read(other)) !== null);
  });

  test('that was changed anywhere is refused', async () => {
    const value = (await ours.begin('guest')) ?? '';
    const parts = value.split('.');
    const with_ = (at: number, part: string): string =>
      parts.map((old, n) => (n === at ? part : old)).join('.');
    for (const wrong of [
      '',
      '....',
      with_(0, Buffer.from('ops').toString('base64url')),
      with_(1, String(now + 999_999)),
      with_(2, 'A'.repeat(22)),
      with_(3, 'A'.repeat(43)),
      `${value}x`,
      value.slice(0, -1),
    ])
      assert.equal(await ours.read(wrong), null, wrong);
    assert.ok((await ours.read(value)) !== null);
  });
});

test('the cookie is out of reach of scripts and of other sites, below the path of the proxy', () => {
  assert.equal(
    setCookie('v', { prefix: '', isHttps: false }),
    `${cookieName}=v; Path=/; HttpOnly; SameSite=Lax`,
  );
  assert.equal(
    setCookie('v', { prefix: '/tools/decnet', isHttps: true }),
    `${cookieName}=v; Path=/tools/decnet; HttpOnly; SameSite=Lax; Secure`,
  );
  assert.match(setCookie(null, { prefix: '', isHttps: false }), /^\w+=; .*Max-Age=0$/);
  assert.deepEqual(cookiesIn(`a=b; ${cookieName}=one;${cookieName}=two; x${cookieName}=no`), ['one', 'two']);
  assert.deepEqual(cookiesIn(undefined), []);
});

describe('where a login leads', () => {
  for (const path of ['/', '/hosts/a?b=c', '/history?since=1h', '/queues/queue/x', '/?q=//x'])
    test(`${path}: there`, () => assert.equal(targetIn(path), path));

  for (const path of [
    null,
    '',
    'hosts',
    '//evil.example',
    '///evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    '/..//evil.example',
    '/.//evil.example',
    'https://evil.example/',
    'javascript:alert(1)',
    '/login?to=/',
    '/logout',
  ])
    test(`${JSON.stringify(path)}: to the fleet`, () => assert.equal(targetIn(path), '/'));

  test('and the link to it', () => {
    assert.equal(loginPath('/'), '/login');
    assert.equal(loginPath('/hosts?page=2'), '/login?to=%2Fhosts%3Fpage%3D2');
  });
});

test('a trusted proxy is one of the networks', () => {
  const trusts = trustedBy(['127.0.0.1', '10.0.0.0/8', 'fd00::/8', '::1']);
  for (const address of ['127.0.0.1', '::ffff:127.0.0.1', '10.1.2.3', '::ffff:10.9.9.9', 'fd12::1', '::1'])
    assert.ok(trusts(address), address);
  for (const address of ['127.0.0.2', '11.0.0.1', 'fe80::1', '', 'unknown', undefined])
    assert.ok(!trusts(address), String(address));
  for (const text of ['10.0.0.0/33', '10.0.0/8', 'proxy', '::/129', '1.2.3.4/', '10.0.0.0/8/8', '/8'])
    assert.ok(!isNetwork(text), text);
});

test('a script of our pages is distinguished from another client', () => {
  const host = 'a:1';
  assert.ok(isFromOurPage({ host, 'sec-fetch-site': 'same-origin' }));
  assert.ok(isFromOurPage({ host, referer: 'http://a:1/hosts' }));
  for (const headers of [{}, { referer: 'http://b/' }, { referer: 'x' }, { 'sec-fetch-site': 'none' }])
    assert.ok(!isFromOurPage({ host, ...headers }), JSON.stringify(headers));
});
