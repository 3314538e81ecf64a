import assert from 'node:assert/strict';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { pino } from 'pino';
import { openDatabase } from '../../src/database/orm.ts';
import { postgresOutbox } from '../../src/database/outbox.ts';
import { createLog } from '../../src/lib/log.ts';
import { startNotifier } from '../../src/notify/notifier.ts';
import { pass } from '../../src/pass/pass.ts';
import { cli, start } from '../support/cli.ts';
import { decky, declared, exited, seen, serviceOf, unreachable } from '../support/facts.ts';
import { withoutRules } from '../support/granted.ts';
import { notificationSchema } from '../support/notification.ts';
import { type Bench, bench } from '../support/pass.ts';
import { waitFor } from '../support/wait.ts';

interface Received {
  readonly id: string;
  readonly body: Record<string, unknown>;
  readonly url: string;
  readonly authorization: string | undefined;
  /** When it came, by this process's monotonic clock, milliseconds. */
  readonly at: number;
}

/** A receiver that answers as the test wants, and keeps what it was sent. */
class Receiver {
  readonly got: Received[] = [];
  answer: (response: ServerResponse) => void = (response) => void response.writeHead(204).end();
  port = 0;
  #server: Server | null = null;

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        this.got.push({
          id: String(request.headers['decnet-notification-id']),
          body: JSON.parse(Buffer.concat(chunks).toString()),
          url: request.url ?? '',
          authorization: request.headers.authorization,
          at: performance.now(),
        });
        this.answer(response);
      });
    });
    await new Promise<void>((done) => server.listen(this.port, '127.0.0.1', done));
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    server?.closeAllConnections();
    if (server !== null) await new Promise((done) => server.close(done));
  }

  get kinds(): readonly string[] {
    return this.got.map(({ body }) => `${body.kind} ${body.name ?? body.count}`);
  }
}

let it: Bench;
let to: Receiver;
const open: { close(): Promise<void> }[] = [];

beforeEach(async () => {
  it = await bench();
  to = new Receiver();
  await to.start();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
  await to.stop();
  await it.close();
  // Slack's form has no fields.
  for (const { body } of to.got.filter((one) => Object.keys(one.body).join() !== 'text'))
    assert.ok(isNotification(body), `${JSON.stringify(body)} ${JSON.stringify(isNotification.errors)}`);
});
const isNotification = notificationSchema();

function notifier(path: string | null = '/hook/s3cret'): { close(): Promise<void> } {
  const made = startNotifier(postgresOutbox(it.database, { intervalSeconds: 30, graceSeconds: 300 }), {
    webhookUrl: path === null ? null : path.startsWith('http') ? path : `http://127.0.0.1:${to.port}${path}`,
    publicUrl: 'https://fleet.example/',
    log: createLog('silent'),
  });
  open.push(made);
  return made;
}

const run = async (): Promise<void> => {
  await pass({ host_uuid: 'local' }, '1', it.ports, { graceSeconds: 300 });
};
const names = (count: number): readonly string[] => Array.from({ length: count }, (_, at) => `decky-${at}`);

/** The file declares them, and all run but those that are named. */
async function fleetOf(all: readonly string[], failed: readonly string[] = []): Promise<void> {
  it.desired = declared(...all.map((name) => decky(name)));
  it.observed = seen(
    ...all.map((name) => serviceOf(name, 'ssh', failed.includes(name) ? exited(137) : undefined)),
  );
  await run();
}

const told = (count: number): Promise<void> => waitFor(() => to.got.length >= count, 15_000);
/** What the receiver has got is known to have arrived: a sender that ends before is not, and sends it again. */
const delivered = (): Promise<void> =>
  waitFor(async () => (await it.db.query('select 1 from fleet_notifications')).length === 0);
/** Long enough for whatever is to be told. */
const quiet = (): Promise<unknown> => sleep(4000);
const alarms = (): Promise<readonly { name: string; state: string; told: string }[]> =>
  it.db.query('select name, state, told from fleet_alarms order by name');

describe('a notification', () => {
  test('tells a crash once, its end once, and is as its schema says', async () => {
    await fleetOf(['web', 'mail']);
    notifier();
    await fleetOf(['web', 'mail'], ['web']);
    await told(1);
    await run();
    await fleetOf(['web', 'mail']);
    await told(2);
    await quiet();
    assert.deepEqual(to.kinds, ['decky_down web', 'decky_recovered web']);
    const [down] = to.got;
    const { id, since, ...body } = down?.body ?? {};
    assert.equal(id, down?.id);
    assert.ok(Math.abs(Date.parse(String(since)) - Date.now()) < 60_000);
    assert.deepEqual(body, {
      kind: 'decky_down',
      host_uuid: 'local',
      name: 'web',
      names: [],
      count: 1,
      state: 'failed',
      previous_state: 'running',
      reason: 'ssh: exited, code 137',
      service: 'ssh',
      exit_code: 137,
      link: 'https://fleet.example/deckies/local/web',
      text: 'web on host local is failed (was running): ssh: exited, code 137',
    });
    await delivered();
  });

  test('tells of most of a host in one message, and of its recovery in one', async () => {
    await fleetOf(names(5));
    notifier();
    await fleetOf(names(5), names(4));
    await told(1);
    await fleetOf(names(5));
    await told(2);
    await quiet();
    assert.deepEqual(to.kinds, ['host_down 4', 'host_recovered 4']);
    assert.deepEqual(to.got[0]?.body.names, names(4));
    assert.equal(to.got[0]?.body.link, 'https://fleet.example/hosts/local');
  });

  test('alarms nobody at a first deployment, however slow', async () => {
    notifier();
    // As a deployer does: the row says `running` before any container starts.
    await it.db.query(
      `insert into fleet_deckies (host_uuid, name, services, decky_config, decky_ip, state)
       values ('local', 'web', '["ssh"]', $1, '192.0.2.7', 'running')`,
      [JSON.stringify(decky('web').config)],
    );
    it.desired = declared(decky('web'), decky('mail'));
    await run();
    await it.db.query(
      `update fleet_deckies set updated_at = now() - interval '10 minutes' where name = 'web'`,
    );
    await run();
    it.observed = seen(serviceOf('web', 'ssh', exited(1)), serviceOf('mail', 'ssh', exited(1)));
    await run();
    await fleetOf(['web', 'mail']);
    await quiet();
    assert.deepEqual([to.kinds, await alarms()], [[], []]);
    await fleetOf(['web', 'mail'], ['web']);
    await told(1);
    assert.deepEqual(to.kinds, ['decky_down web']);
  });

  test('tells flapping once, and how it ended', async () => {
    await fleetOf(['web', 'mail', 'dns']);
    for (let times = 0; times < 3; times++) {
      await fleetOf(['web', 'mail', 'dns'], ['web']);
      await fleetOf(['web', 'mail', 'dns']);
    }
    notifier();
    await told(1);
    await fleetOf(['web', 'mail', 'dns'], ['web']);
    await quiet();
    assert.deepEqual(to.kinds, ['decky_flapping web']);
    await it.db.query(`update fleet_alarms set changed_at = now() - interval '301 seconds'`);
    await told(2);
    await quiet();
    assert.deepEqual(to.kinds, ['decky_flapping web', 'decky_down web']);
  });

  test('of a decky that was removed comes only after one that it is down', async () => {
    await fleetOf(['web', 'mail', 'dns']);
    notifier();
    await fleetOf(['web', 'mail', 'dns'], ['web']);
    await told(1);
    await fleetOf(['dns']);
    await told(2);
    await quiet();
    assert.deepEqual(to.kinds, ['decky_down web', 'decky_removed web']);
    assert.deepEqual(await alarms(), []);
  });

  test('tells when another program deletes the row of a decky that is down, or writes that it runs', async () => {
    await fleetOf(['web', 'mail', 'dns']);
    await fleetOf(['web', 'mail', 'dns'], ['web', 'mail']);
    const first = notifier();
    await told(2);
    await delivered();
    await first.close();
    await it.db.query(`delete from fleet_deckies where name = 'web'`);
    await it.db.query(`update fleet_deckies set state = 'running', updated_at = now() - interval '1 hour'
      where name = 'mail'`);
    it.desired = declared(decky('mail'), decky('dns'));
    it.observed = seen(serviceOf('mail', 'ssh'), serviceOf('dns', 'ssh'));
    await run();
    notifier();
    await told(4);
    assert.deepEqual([...to.kinds].sort(), [
      'decky_down mail',
      'decky_down web',
      'decky_recovered mail',
      'decky_removed web',
    ]);
  });

  test('tells when a host becomes stale and its Docker unreachable, and when that ends', async () => {
    await fleetOf(['web']);
    notifier();
    it.observed = unreachable;
    await run();
    await told(1);
    await fleetOf(['web']);
    await told(2);
    // Else so many changes would be flapping.
    await it.db.query(`update fleet_alarms set recent = '[]'`);
    await it.db.query(`update fleet_hosts set interval_s = 1, last_full_pass_at = now() - interval '10 s',
      last_observed_at = now() - interval '10 s'`);
    await told(3);
    await it.db.query('update fleet_hosts set interval_s = 30');
    await run();
    await told(4);
    assert.deepEqual(
      to.got.map(({ body }) => body.kind),
      ['docker_unreachable', 'docker_back', 'host_stale', 'host_fresh'],
    );
    const [gone] = to.got;
    assert.match(String(gone?.body.reason), /Docker does not answer/);
    assert.deepEqual([gone?.body.service, gone?.body.exit_code], [null, null]);
  });

  test('does not call a host stale while this process has not watched for long enough', async () => {
    await fleetOf(['web']);
    await it.db.query(`update fleet_hosts set last_full_pass_at = now() - interval '1 day',
      last_observed_at = now() - interval '1 day'`);
    notifier();
    await quiet();
    assert.deepEqual([to.kinds, await alarms()], [[], []]);
  });
});

describe('a receiver', () => {
  test('that is dead is tried again under the same id, a restart in between, and in order', async () => {
    await fleetOf(['web', 'mail', 'dns']);
    const first = notifier();
    to.answer = (response) => void response.writeHead(503).end();
    await fleetOf(['web', 'mail', 'dns'], ['web']);
    await told(2);
    await to.stop();
    await fleetOf(['web', 'mail', 'dns']);
    await waitFor(async () => (await it.db.query('select 1 from fleet_notifications')).length === 2);
    await first.close();
    const ids = new Set(to.got.map(({ id }) => id));
    assert.equal(ids.size, 1);
    to.got.length = 0;
    to.answer = (response) => void response.writeHead(200).end('ok');
    await to.start();
    notifier();
    await waitFor(() => to.got.length === 2, 40_000);
    assert.deepEqual(to.kinds, ['decky_down web', 'decky_recovered web']);
    assert.ok(ids.has(to.got[0]?.id ?? ''));
  });

  for (const [how, headers] of [
    ['in seconds', () => ({ 'retry-after': '4' })],
    // Its clock is a day slow: what counts is how far its own two times lie apart.
    [
      'as a time',
      () => ({
        date: new Date(Date.now() - 86_400_000).toUTCString(),
        'retry-after': new Date(Date.now() - 86_400_000 + 5000).toUTCString(),
      }),
    ],
  ] as const)
    test(`that asks ${how} to be left alone is, by the news of all hosts, and then gets them all`, async () => {
      await fleetOf(['web', 'mail', 'dns']);
      to.answer = (response) => void response.writeHead(429, headers()).end();
      notifier();
      await fleetOf(['web', 'mail', 'dns'], ['web']);
      await told(1);
      to.answer = (response) => void response.writeHead(204).end();
      // Newer outages, of this host and of another one.
      await fleetOf(['web', 'mail', 'dns'], ['web', 'mail']);
      await it.db.query(
        `insert into fleet_hosts (host_uuid, last_full_pass_at, last_observed_at) values ('other', now(), now())`,
      );
      await it.db.query(
        `insert into fleet_deckies (host_uuid, name, state) values ('other', 'ftp', 'failed')`,
      );
      await it.db.query(`insert into fleet_alarms (host_uuid, name, state, told, since, changed_at)
        values ('other', 'ftp', 'failed', 'running', now(), now() - interval '3 s')`);
      await told(4);
      await delivered();
      const [asked, ...later] = to.got;
      for (const { at } of later) assert.ok(at - (asked?.at ?? 0) >= 4000, `${at - (asked?.at ?? 0)} ms`);
      assert.deepEqual([...to.kinds].sort(), [
        'decky_down ftp',
        'decky_down mail',
        'decky_down web',
        'decky_down web',
      ]);
      const ofLocal = to.kinds.filter((kind) => !kind.endsWith('ftp'));
      assert.deepEqual(ofLocal, ['decky_down web', 'decky_down web', 'decky_down mail']);
    });

  test('is sent what was put off before the database’s clock was set back', async () => {
    await fleetOf(['web', 'mail', 'dns']);
    await it.db.query(`create function later() returns trigger language plpgsql
      as $$ begin new.due_at := now() + interval '1 year'; return new; end $$`);
    await it.db.query(
      'create trigger later before insert on fleet_notifications for each row execute function later()',
    );
    notifier();
    await fleetOf(['web', 'mail', 'dns'], ['web']);
    await told(1);
    assert.deepEqual(to.kinds, ['decky_down web']);
  });

  test('is told once by two processes', async () => {
    await fleetOf(names(8));
    notifier();
    notifier();
    await fleetOf(names(8), names(3));
    await told(3);
    await quiet();
    assert.deepEqual([...to.kinds].sort(), [
      'decky_down decky-0',
      'decky_down decky-1',
      'decky_down decky-2',
    ]);
  });

  test('that is slow delays no pass, and no end of the process', async () => {
    await fleetOf(['web', 'mail', 'dns']);
    const slow = notifier();
    to.answer = () => undefined;
    await fleetOf(['web', 'mail', 'dns'], ['web']);
    await told(1);
    const from = performance.now();
    await fleetOf(['web', 'mail', 'dns'], ['mail']);
    await slow.close();
    assert.ok(performance.now() - from < 3000);
    const [row] = await it.db.query('select attempts, due_at > now() as later from fleet_notifications');
    assert.deepEqual(row, { attempts: 1, later: true });
  });

  test('that redirects is followed nowhere, and one that refuses a message for good is spared it', async () => {
    await fleetOf(['web', 'mail', 'dns']);
    to.answer = (response) => void response.writeHead(302, { location: '/elsewhere' }).end();
    notifier();
    await fleetOf(['web', 'mail', 'dns'], ['web']);
    await told(2);
    assert.deepEqual([...new Set(to.got.map(({ url }) => url))], ['/hook/s3cret']);
    to.answer = (response) => void response.writeHead(400).end();
    await it.db.query('update fleet_notifications set attempts = 4, due_at = now()');
    await delivered();
  });

  test('of Slack’s kind gets its form alone, and nothing that a row holds becomes markup', async () => {
    await fleetOf(['mail']);
    await it.db.query(
      `insert into fleet_deckies (host_uuid, name, state) values ('local', '<!here>', 'failed')`,
    );
    await it.db.query(
      `insert into fleet_alarms values ('local', '<!here>', 'failed', 'running', '<!channel>: exited & <a|b>', now(), now())`,
    );
    notifier(`http://me:pa%20ss@127.0.0.1:${to.port}/x?a=1&format=slack`);
    await told(1);
    assert.deepEqual(to.got[0]?.body, {
      text: '&lt;!here&gt; on host local is failed (was running): &lt;!channel&gt;: exited &amp; &lt;a|b&gt; https://fleet.example/deckies/local/%3C!here%3E',
    });
    assert.equal(to.got[0]?.url, '/x?a=1');
    assert.equal(to.got[0]?.authorization, `Basic ${Buffer.from('me:pa ss').toString('base64')}`);
  });
});

describe('without a receiver', () => {
  test('nothing is written down for later but what is new', async () => {
    await fleetOf(['web', 'mail', 'dns']);
    await fleetOf(['web', 'mail', 'dns'], ['web', 'mail']);
    await it.db.query(
      `update fleet_alarms set changed_at = now() - interval '11 minutes' where name = 'web'`,
    );
    notifier(null);
    await waitFor(async () => (await alarms()).some(({ told: state }) => state === 'failed'));
    assert.deepEqual(await alarms(), [
      { name: 'mail', state: 'failed', told: 'running' },
      { name: 'web', state: 'failed', told: 'failed' },
    ]);
    assert.deepEqual(await it.db.query('select 1 from fleet_notifications'), []);
  });
});

describe('a scheduler’s process', () => {
  test('tells, and says of a dead receiver where it is, once, and no secret', async () => {
    const env = {
      DATABASE_URL: it.db.url,
      DECNET_WEBHOOK_URL: `http://127.0.0.1:${to.port}/hook/s3cret?token=t0ken`,
      DASHBOARD_PUBLIC_URL: 'https://fleet.example',
    };
    assert.equal((await cli(['migrate'], env)).code, 0);
    await fleetOf(['web', 'mail', 'dns']);
    to.answer = (response) => void response.writeHead(500).end();
    const scheduler = start([], env, 'scheduler.ts');
    await fleetOf(['web', 'mail', 'dns'], ['web']);
    await scheduler.said(/not delivered/);
    await told(2);
    to.answer = (response) => void response.writeHead(200).end();
    await scheduler.said(/delivered again/);
    scheduler.child.kill('SIGTERM');
    assert.equal((await scheduler.finished).code, 0);
    assert.equal(scheduler.output().match(/not delivered/g)?.length, 1);
    assert.match(scheduler.output(), new RegExp(`"receiver":"http://127.0.0.1:${to.port}"`));
    assert.doesNotMatch(scheduler.output(), /s3cret|t0ken/);
  });
});

describe('a large host', () => {
  test('of 10,000 deckies that all die is one message', async () => {
    await fleetOf(names(10_000));
    notifier();
    await fleetOf(names(10_000), names(10_000));
    await told(1);
    await quiet();
    assert.deepEqual(to.kinds, ['host_down 10000']);
  });
});

describe('what a stolen host wrote', () => {
  test('keeps nobody else’s news back', async () => {
    await fleetOf(['web', 'mail', 'dns']);
    await withoutRules(it.db);
    await it.db.query(`insert into fleet_hosts (host_uuid, interval_s, last_full_pass_at, last_observed_at, notes)
      values ('evil', 2147483647, 'infinity', '-infinity', '7'), ('evil-2', -5, '-infinity', 'infinity', null)`);
    await it.db.query(`insert into fleet_alarms values
      ('evil', 'a', 'failed', 'running', null, 'infinity', '-infinity', '{"a": 1}'),
      ('evil', 'b', 'x', 'y', repeat('z', 100000), '-infinity', 'infinity', '["x", null, 1e300]'),
      ('evil-2', '', 'nonsense', 'flapping', null, 'infinity', '-infinity', '7'),
      ('nobody', 'c', 'failed', 'running', null, now(), now() - interval '1 hour', '[]')`);
    await it.db.query(`insert into fleet_deckies (host_uuid, name, state, updated_at, reconciled_at)
      values ('evil', 'a', 'running', '294276-12-31 00:00:00Z', '294276-12-31 00:00:00Z')`);
    notifier();
    await fleetOf(['web', 'mail', 'dns'], ['web']);
    await waitFor(() => to.kinds.includes('decky_down web'), 15_000);
    assert.equal(
      to.got.some(({ body }) => body.host_uuid === 'nobody'),
      false,
    );
  });

  for (const [how, statement] of [
    ['keeps locked', `update fleet_alarms set reason = 'x' where host_uuid = 'evil' and name = ''`],
    [
      'does not commit',
      `insert into fleet_alarms (host_uuid, name, state, told, since, changed_at)
       values ('evil-2', '', 'ok', 'ok', now(), now())`,
    ],
  ] as const)
    test(`and ${how} costs its own host's messages alone`, async () => {
      await fleetOf(['web', 'mail', 'dns']);
      await it.db.query(`insert into fleet_hosts (host_uuid, last_full_pass_at, last_observed_at)
        select name, now(), now() - interval '1 hour' from unnest(array['evil', 'evil-2', 'honest']) name`);
      await it.db.query(
        `insert into fleet_alarms (host_uuid, name, state, told, since, changed_at) values ('evil', '', 'ok', 'ok', now(), now())`,
      );
      const thief = new pg.Client({ connectionString: it.db.url });
      await thief.connect();
      try {
        await thief.query('begin');
        await thief.query(statement);
        notifier();
        await fleetOf(['web', 'mail', 'dns'], ['web']);
        await waitFor(() => to.kinds.includes('decky_down web'), 15_000);
        await waitFor(() => to.got.some(({ body }) => body.host_uuid === 'honest'), 15_000);
        const locked = how === 'keeps locked' ? 'evil' : 'evil-2';
        assert.equal(
          to.got.some(({ body }) => body.host_uuid === locked),
          false,
        );
        await thief.query('rollback');
        await waitFor(() => to.got.some(({ body }) => body.host_uuid === locked), 15_000);
      } finally {
        await thief.end();
      }
    });

  test('at great length is not read at that length', async () => {
    const values = ['evil', '😀'.repeat(4000), JSON.stringify(Array.from({ length: 200 }, (_, at) => at))];
    await it.db.query('insert into fleet_hosts (host_uuid) values ($1)', values.slice(0, 1));
    await it.db.query(
      `insert into fleet_alarms values ($1, 'x', 'failed', 'running', $2, now(), now(), $3)`,
      values,
    );
    const database = await openDatabase(it.db.url);
    const seenAlerts: unknown[] = [];
    await postgresOutbox(database, { intervalSeconds: 30, graceSeconds: 5 }).look(0, ({ alerts }) => {
      seenAlerts.push(...alerts.map(({ reason, recent }) => [[...(reason ?? '')].length, recent]));
      return { notifications: [], told: [], limits: [] };
    });
    await database.close();
    assert.deepEqual(seenAlerts, [[500, [196_000, 197_000, 198_000, 199_000]]]);
  });

  test('is at most 20 messages a minute, and one that says how many are held back', async () => {
    await fleetOf(['web', 'mail', 'dns']);
    await it.db.query(
      `insert into fleet_hosts (host_uuid, last_full_pass_at, last_observed_at) values ('evil', now(), now())`,
    );
    notifier();
    for (let round = 0; round < 3; round++) {
      await it.db.query(
        `insert into fleet_alarms (host_uuid, name, state, told, since, changed_at)
         select 'evil', $1 || '-' || n, 'failed', 'running', now(), now() - interval '3 s' from generate_series(1, 15) n`,
        [`round-${round}`],
      );
      await it.db.query(
        `insert into fleet_deckies (host_uuid, name, state) select 'evil', $1 || '-' || n, 'failed' from generate_series(1, 30) n`,
        [`round-${round}`],
      );
      await sleep(1500);
    }
    await fleetOf(['web', 'mail', 'dns'], ['web']);
    await waitFor(() => to.kinds.includes('decky_down web'), 15_000);
    const ofEvil = to.got.filter(({ body }) => body.host_uuid === 'evil');
    const limits = ofEvil.filter(({ body }) => body.kind === 'host_limited');
    assert.ok(ofEvil.length - limits.length <= 20, String(ofEvil.length));
    assert.equal(limits.length, 1);
    assert.match(String(limits[0]?.body.text), /Too many messages about host evil .* \d+ more are held back/);
  });

  test('cannot hold the lock of the notifications; that somebody does is said', async () => {
    await it.db.query('select pg_advisory_lock(7264310503)');
    const holder = new pg.Client({ connectionString: it.db.url });
    await holder.connect();
    await holder.query('begin');
    await holder.query(`update fleet_locks set used_at = now() - interval '2 minutes' where name = 'alarms'`);
    await holder.query('commit');
    await holder.query('begin');
    await holder.query(`select from fleet_locks where name = 'alarms' for update`);
    const said: string[] = [];
    open.push(
      startNotifier(postgresOutbox(it.database, { intervalSeconds: 30, graceSeconds: 300 }), {
        webhookUrl: `http://127.0.0.1:${to.port}/`,
        publicUrl: null,
        log: pino({ level: 'info' }, { write: (line: string) => void said.push(line) }),
      }),
    );
    await waitFor(
      () => said.some((line) => /no process has checked the alerts for \d+ s/.test(line)),
      10_000,
    );
    await holder.end();
    await waitFor(() => said.some((line) => /again"/.test(line)), 10_000);
  });
});
