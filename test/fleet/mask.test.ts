import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { maskAddress, withoutSecrets } from '../../src/lib/mask.ts';
import { packageRoot } from '../../src/lib/package.ts';
import { fc } from '../harness/property.ts';

const unchanged = [
  'redis://127.0.0.1:6379/0',
  'postgresql://fleet@db:5432/fleet?application_name=x&sslkey=/etc/key.pem&sslmode=verify-full&user=fleet',
  'unix:///var/run/docker.sock',
  'http://127.0.0.1:7070/deckies/a/b?host=a',
  'nothing at all',
];

const table: readonly (readonly [address: string, masked: string])[] = [
  ['postgresql://me:pw@db/fleet', 'postgresql://me:***@db/fleet'],
  ['postgresql:/me:pw@db/fleet', 'postgresql:/me:***@db/fleet'],
  ['postgresql:me:pw@db/fleet', 'postgresql:me:***@db/fleet'],
  ['mysql+pymysql://me:p@w@db', 'mysql+pymysql://me:***@db'],
  ['http:\\\\me:pw@x', 'http:\\\\me:***@x'],
  ['redis://:p/w?x#y:z@[::1]:6379', 'redis://:***@[::1]:6379'],
  ['https://some-token@x/y', 'https://***@x/y'],
  ['postgres://db/fleet?password=pw&sslmode=require', 'postgres://db/fleet?password=***&sslmode=require'],
  ['postgres://db?user=me&sslpassword=p w#"', 'postgres://db?user=me&sslpassword=***'],
  ['https://x/y?api_key=1&x-auth-token=2&sig=3&a=4', 'https://x/y?api_key=***&x-auth-token=***&sig=***&a=4'],
  ['postgres://db/fleet?password=&a=pw&b=1', 'postgres://db/fleet?password=***&b=1'],
  ['https://x/y#access_token=1', 'https://x/y#access_token=***'],
  ['https://x/y?pass%77ord=1', 'https://x/y?pass%77ord=***'],
];

describe('what is hidden of an address', () => {
  for (const [address, masked] of [...table, ...unchanged.map((one) => [one, one] as const)]) {
    test(`${address} is ${masked}`, () => {
      assert.equal(maskAddress(address), masked);
      assert.equal(withoutSecrets(address), masked);
      assert.equal(withoutSecrets(`cannot open "${address}`), `cannot open "${masked}`);
      assert.equal(withoutSecrets(masked), masked, 'hidden again');
    });
  }

  test('without a scheme, where it is known to be one', () => {
    assert.equal(maskAddress('me:p:w@db/fleet?password=x'), 'me:***@db/fleet?password=***');
  });

  test('what is said after a hidden address stays', () => {
    const said = `${maskAddress('postgres://db/x?password=pw')} does not answer: ECONNREFUSED`;
    assert.equal(withoutSecrets(said), said);
  });

  test('a stack keeps its calls', () => {
    const calls = '\n    at f (file:///x/node_modules/@a/b.js:1:2)\n    at g (file:///x/@c/d.js:3:4)';
    assert.equal(withoutSecrets(`Error: postgres://me:pw@db${calls}`), `Error: postgres://me:***@db${calls}`);
  });

  test('a stack begins in its own line: what stands before may end with line breaks', () => {
    const call = '\n    at f (file:///x/@a/b.js:1:2)';
    const text = `Error: postgres://db/fleet?password=${'\n'.repeat(2000)}${call}`;
    assert.equal(withoutSecrets(text), `Error: postgres://db/fleet?password=***${call}`);
  });

  test('a text of many megabytes takes no long time', () => {
    for (const part of ['a', ':/', 'http:', '?password=', '&a=', 'redis://a:b@']) {
      const text = `${part.repeat(300_000)}=`;
      const started = performance.now();
      withoutSecrets(text);
      assert.ok(performance.now() - started < 5000, part);
    }
  });
});

describe('no password is ever shown', () => {
  const hostile = fc.constantFrom(
    ...'@:/?#[]& \'"\\%;,{}<>|=+\n\t',
    '%40',
    '%3A',
    '%2',
    '://',
    'é',
    '密',
    '🔑',
  );
  const unit = fc.oneof(hostile, fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }));
  const password = fc.oneof(
    fc.array(unit, { minLength: 4, maxLength: 40 }).map((units) => units.join('')),
    fc.array(unit, { minLength: 1, maxLength: 9 }).map((units) => units.join('').repeat(2000)),
  );
  const scheme = fc.constantFrom(
    'postgres',
    'postgresql',
    'redis',
    'rediss',
    'mysql',
    'mysql+pymysql',
    'https',
  );
  const written = fc.constantFrom(
    (word: string) => word,
    (word: string) => encodeURIComponent(word),
  );
  const parameter = fc.constantFrom(
    'password',
    'pass',
    'pwd',
    'sslpassword',
    'token',
    'secret',
    'key',
    'sig',
    'auth',
  );
  const location = fc.constantFrom(
    (word: string, s: string) => `${s}://user:${word}@db.example:5432/fleet?application_name=x`,
    (word: string, s: string) => `${s}:/user:${word}@db.example/fleet`,
    (word: string, s: string) => `${s}://:${word}@[2001:db8::1]:1/0`,
    (word: string, s: string, name: string) =>
      `${s}://db.example:5432/fleet?${name}=${word}&application_name=x`,
    (word: string, s: string, name: string) => `${s}://user:${word}@db.example/fleet?x=y&${name}=${word}`,
  );
  const sentence = fc.constantFrom(
    (address: string) => address,
    (address: string) => `cannot open ${address}: refused`,
    (address: string) => `Invalid URL: "${address}" (see https://x.example/y), mail to someone@x.example`,
    (address: string) => `Error: ${address}\n    at f (file:///x/@a/b.js:1:2)`,
  );

  /** What must not be there: the password however it is written, unless the rest has it anyway. */
  function forbidden(word: string, rest: string): readonly string[] {
    const decoded = ((): string => {
      try {
        return decodeURIComponent(word);
      } catch {
        return word;
      }
    })();
    return [word, encodeURIComponent(word), decoded].filter((one) => one.length >= 4 && !rest.includes(one));
  }

  const given = fc.record({ password, scheme, written, parameter, location, sentence });
  const property = (check: (address: string, text: string, words: readonly string[]) => void) =>
    fc.assert(
      fc.property(given, (one) => {
        fc.pre(!one.password.startsWith('***'));
        const address = one.location(one.written(one.password), one.scheme, one.parameter);
        const rest = one.sentence(one.location('***', one.scheme, one.parameter));
        check(address, one.sentence(address), forbidden(one.password, rest));
      }),
      { numRuns: 3000 },
    );

  test('of a single address', () => {
    property((address, _, words) => {
      const shown = maskAddress(address);
      for (const word of words) assert.ok(!shown.includes(word), shown);
    });
  });

  test('of a text that holds one', () => {
    property((_, text, words) => {
      const shown = withoutSecrets(text);
      for (const word of words) assert.ok(!shown.includes(word), shown);
    });
  });

  test('of a line of JSON, which stays one, with everything else in it', () => {
    property((_, text, words) => {
      const line = `${JSON.stringify({ level: 'warn', a: { b: [text] }, msg: 'x@y "z"', [text]: 1 })}\n`;
      const shown = withoutSecrets(line);
      const parsed = JSON.parse(shown);
      assert.deepEqual([parsed.level, parsed.msg], ['warn', 'x@y "z"']);
      assert.equal(parsed.a.b[0], withoutSecrets(text));
      for (const word of words)
        for (const inner of [parsed.a.b[0], ...Object.keys(parsed)])
          assert.ok(!String(inner).includes(word), shown);
      assert.ok(shown.endsWith('\n') && shown.indexOf('\n') === shown.length - 1);
    });
  });
});

describe('the log', () => {
  const script = `import { createLog } from ${JSON.stringify(join(packageRoot, 'src/lib/log.ts'))};
    const log = createLog('debug', process.argv[1] === 'terminal' ? 'pretty' : 'json');
    const error = new Error('cannot open postgres:/me:p"@:/?# w@db/x: refused');
    log.warn({ error, location: 'redis://:p"@:/?# w@redis' }, 'mysql://me:p"@:/?# w@db and "more"');`;
  const logged = async (form: 'terminal' | 'file'): Promise<string> =>
    (await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, form])).stderr;

  test('hides the passwords in its fields, and each line stays JSON', async () => {
    const { msg, location, error } = JSON.parse(await logged('file'));
    assert.equal(msg, 'mysql://me:***@db and "more"');
    assert.equal(location, 'redis://:***@redis');
    assert.equal(error.message, 'cannot open postgres:/me:***@db/x: refused');
    assert.match(error.stack, /^Error: cannot open postgres:\/me:\*\*\*@db\/x: refused\n {4}at /);
  });

  test('hides them on a terminal', async () => {
    const said = await logged('terminal');
    assert.match(said, /mysql:\/\/me:\*\*\*@db and "more" error=cannot open postgres:\/me:\*\*\*@db\/x/);
    assert.doesNotMatch(said, /# w/);
  });
});
