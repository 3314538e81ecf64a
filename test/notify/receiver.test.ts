import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import pg from 'pg';
import { pino } from 'pino';
import { openDatabase } from '../../src/database/orm.ts';
import { postgresOutbox } from '../../src/database/outbox.ts';
import type { Deciding } from '../../src/pass/outbox.ts';
import { start } from '../harness/cli.ts';
import { withoutRules } from '../harness/granted.ts';
import { clear } from '../harness/incidents.ts';
import { runHere } from '../harness/run-here.ts';
import { waitFor } from '../harness/wait.ts';
import { inScene, names } from './scene.ts';

describe('the receiver of the messages', { concurrency: 12 }, () => {
  describe('a receiver', () => {
    test(
      'that is dead is tried again under the same id, a restart in between, and in order',
      inScene(async ({ it, to, notifier, fleetOf, received }) => {
        await fleetOf(['web', 'mail', 'dns']);
        const first = notifier();
        to.answer = (response) => void response.writeHead(503).end();
        await fleetOf(['web', 'mail', 'dns'], ['web']);
        await received(2);
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
      }),
    );

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
      test(
        `that asks ${how} to be left alone is, by the messages about all hosts, and then gets them all`,
        inScene(async ({ it, to, notifier, fleetOf, received, delivered }) => {
          await fleetOf(['web', 'mail', 'dns']);
          to.answer = (response) => void response.writeHead(429, headers()).end();
          notifier();
          await fleetOf(['web', 'mail', 'dns'], ['web']);
          await received(1);
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
          await received(3);
          await delivered();
          const [asked, ...later] = to.got;
          for (const { at } of later) assert.ok(at - (asked?.at ?? 0) >= 4000, `${at - (asked?.at ?? 0)} ms`);
          // The second decky belongs to the incident of the first.
          assert.deepEqual([...to.kinds].sort(), ['decky_down ftp', 'decky_down web', 'decky_down web']);
        }),
      );

    test(
      'is sent what was put off before the database’s clock was set back',
      inScene(async ({ it, to, notifier, fleetOf, received }) => {
        await fleetOf(['web', 'mail', 'dns']);
        await it.db.query(`create function later() returns trigger language plpgsql
      as $$ begin new.due_at := now() + interval '1 year'; return new; end $$`);
        await it.db.query(
          'create trigger later before insert on fleet_notifications for each row execute function later()',
        );
        notifier();
        await fleetOf(['web', 'mail', 'dns'], ['web']);
        await received(1);
        assert.deepEqual(to.kinds, ['decky_down web']);
      }),
    );

    test(
      'is reported once by two processes',
      inScene(async ({ to, notifier, fleetOf, received, quiet }) => {
        await fleetOf(names(8));
        notifier();
        notifier();
        await fleetOf(names(8), names(3));
        await received(1);
        await quiet();
        assert.deepEqual(to.kinds, ['host_down 3']);
      }),
    );

    test(
      'that is slow delays no pass, and no end of the process',
      inScene(async ({ it, to, notifier, fleetOf, received }) => {
        await fleetOf(['web', 'mail', 'dns']);
        const slow = notifier();
        to.answer = () => undefined;
        await fleetOf(['web', 'mail', 'dns'], ['web']);
        await received(1);
        // Less than the time that the receiver has to answer.
        const from = performance.now();
        await fleetOf(['web', 'mail', 'dns'], ['mail']);
        await slow.close();
        assert.ok(performance.now() - from < 9000);
        // It is sent again later.
        assert.deepEqual(await it.db.query('select attempts from fleet_notifications'), [{ attempts: 1 }]);
      }),
    );

    test(
      'that redirects is followed nowhere, and one that refuses a message for good is spared it',
      inScene(async ({ it, to, notifier, fleetOf, received, delivered }) => {
        await fleetOf(['web', 'mail', 'dns']);
        to.answer = (response) => void response.writeHead(302, { location: '/elsewhere' }).end();
        notifier();
        await fleetOf(['web', 'mail', 'dns'], ['web']);
        await received(2);
        assert.deepEqual([...new Set(to.got.map(({ url }) => url))], ['/hook/s3cret']);
        to.answer = (response) => void response.writeHead(400).end();
        await it.db.query('update fleet_notifications set attempts = 4, due_at = now()');
        await delivered();
      }),
    );

    test(
      'of Slack’s kind gets its form alone, and nothing that a row holds becomes markup',
      inScene(async ({ it, to, notifier, fleetOf, received }) => {
        await fleetOf(['mail']);
        await it.db.query(
          `insert into fleet_deckies (host_uuid, name, state) values ('local', '<!here>', 'failed')`,
        );
        await it.db.query(
          `insert into fleet_alarms values ('local', '<!here>', 'failed', 'running', '<!channel>: exited & <a|b>', now(), now())`,
        );
        notifier(`http://me:pa%20ss@127.0.0.1:${to.port}/x?a=1&format=slack`);
        await received(1);
        assert.deepEqual(to.got[0]?.body, {
          text: '&lt;!here&gt; on host local is failed (was running): &lt;!channel&gt;: exited &amp; &lt;a|b&gt; https://fleet.example/deckies/local/%3C!here%3E',
        });
        assert.equal(to.got[0]?.url, '/x?a=1');
        assert.equal(to.got[0]?.authorization, `Basic ${Buffer.from('me:pa ss').toString('base64')}`);
      }),
    );
  });

  describe('a scheduler’s process', () => {
    test(
      'tells, and says of a dead receiver where it is, once, and no secret',
      inScene(async ({ it, to, fleetOf, received }) => {
        const env = {
          DATABASE_URL: it.db.url,
          DECNET_WEBHOOK_URL: `http://127.0.0.1:${to.port}/hook/s3cret?token=t0ken`,
          DASHBOARD_PUBLIC_URL: 'https://fleet.example',
        };
        assert.equal((await runHere(['migrate'], env)).code, 0);
        await fleetOf(['web', 'mail', 'dns']);
        to.answer = (response) => void response.writeHead(500).end();
        const scheduler = start([], env, 'scheduler.ts');
        await fleetOf(['web', 'mail', 'dns'], ['web']);
        await scheduler.said(/cannot deliver notifications/);
        await received(2);
        to.answer = (response) => void response.writeHead(200).end();
        await scheduler.said(/delivered again/);
        scheduler.child.kill('SIGTERM');
        assert.equal((await scheduler.finished).code, 0);
        assert.equal(scheduler.output().match(/cannot deliver notifications/g)?.length, 1);
        assert.match(scheduler.output(), new RegExp(`"receiver":"http://127.0.0.1:${to.port}"`));
        assert.doesNotMatch(scheduler.output(), /s3cret|t0ken/);
      }),
    );
  });

  describe('what a stolen host wrote', () => {
    test(
      'keeps no message to another receiver back',
      inScene(async ({ it, to, notifier, fleetOf }) => {
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
      values ('evil', 'a', 'running', '294276-12-31 23:59:59Z', '294276-12-31 23:59:59Z')`);
        notifier();
        await fleetOf(['web', 'mail', 'dns'], ['web']);
        await waitFor(() => to.kinds.includes('decky_down web'));
        assert.equal(
          to.got.some(({ body }) => body.host_uuid === 'nobody'),
          false,
        );
      }),
    );

    for (const [how, statement] of [
      ['keeps locked', `update fleet_alarms set reason = 'x' where host_uuid = 'evil' and name = ''`],
      [
        'does not commit',
        `insert into fleet_alarms (host_uuid, name, state, told, since, changed_at)
       values ('evil-2', '', 'ok', 'ok', now(), now())`,
      ],
    ] as const)
      test(
        `and ${how} costs its own host's messages alone`,
        inScene(async ({ it, to, notifier, fleetOf }) => {
          await fleetOf(['web', 'mail', 'dns']);
          await it.db.query(`insert into fleet_hosts (host_uuid, last_full_pass_at, last_observed_at)
        select name, now(), now() - interval '1 hour' * position
          from unnest(array['evil', 'evil-2', 'honest']) with ordinality as i (name, position)`);
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
        }),
      );

    test(
      'at great length is not read at that length',
      inScene(async ({ it }) => {
        const values = [
          'evil',
          '😀'.repeat(4000),
          JSON.stringify(Array.from({ length: 200 }, (_, at) => at)),
          JSON.stringify({ state: '😀'.repeat(4000) }),
        ];
        await it.db.query('alter table fleet_alarms drop constraint fleet_alarms_cause_sane');
        await it.db.query('insert into fleet_hosts (host_uuid) values ($1)', values.slice(0, 1));
        await it.db.query(
          `insert into fleet_alarms values ($1, 'x', 'failed', 'running', $2, now(), now(), $3, $4)`,
          values,
        );
        const database = await openDatabase(it.db.url);
        const seenAlerts: unknown[] = [];
        const settle: Deciding['settle'] = (_, alerts) => {
          seenAlerts.push(
            ...alerts.map(({ subject, reason, recent }) => [[...(reason ?? '')].length, recent, subject]),
          );
          return [];
        };
        const outbox = postgresOutbox(database, { intervalSeconds: 30, graceSeconds: 5, historyDays: 30 });
        await outbox.check(0, {
          settle,
          control: clear,
          messages: null,
          receiversOf: () => [''],
          databaseLostAt: null,
        });
        await database.close();
        const subject = { kind: 'decky', name: 'x', state: 'failed', notified: 'running', cause: null };
        assert.deepEqual(seenAlerts, [[500, [196_000, 197_000, 198_000, 199_000], subject]]);
      }),
    );

    test(
      'is at most 20 messages a minute, and one that says how many are held back',
      inScene(async ({ it, to, notifier, fleetOf }) => {
        await fleetOf(['web', 'mail', 'dns']);
        await it.db.query(
          `insert into fleet_hosts (host_uuid, last_full_pass_at, last_observed_at) values ('evil', now(), now())`,
        );
        notifier();
        // Before the alerts: they must not be most of the host's deckies.
        await it.db.query(
          `insert into fleet_deckies (host_uuid, name, state) select 'evil', 'x-' || n, 'failed' from generate_series(1, 30) n`,
        );
        // Each for another reason: else they would be one incident.
        await it.db.query(
          `insert into fleet_alarms (host_uuid, name, state, told, since, changed_at, cause)
         select 'evil', 'x-' || n, 'failed', 'running', now(), now() - interval '3 s',
           jsonb_build_object('service', 'ssh', 'state', 'exited', 'exit_code', n) from generate_series(1, 12) n`,
        );
        const count = (): number => to.got.filter(({ body }) => body.host_uuid === 'evil').length;
        await waitFor(() => count() === 12);
        await it.db.query(
          `update fleet_alarms set state = 'running', changed_at = now() - interval '3 s' where host_uuid = 'evil'`,
        );
        await fleetOf(['web', 'mail', 'dns'], ['web']);
        await waitFor(() => to.kinds.includes('decky_down web'));
        await waitFor(() => to.got.some(({ body }) => body.kind === 'host_limited'));
        const ofEvil = to.got.filter(({ body }) => body.host_uuid === 'evil');
        const limits = ofEvil.filter(({ body }) => body.kind === 'host_limited');
        assert.equal(ofEvil.length - limits.length, 20);
        assert.equal(limits.length, 1);
        assert.match(
          String(limits[0]?.body.text),
          /Too many messages about host evil .* \d+ more are held back/,
        );
      }),
    );

    test(
      'and an advisory lock that it holds keep no message to another receiver back',
      inScene(async ({ it, to, notifier, fleetOf }) => {
        await fleetOf(['web', 'mail', 'dns']);
        const thief = new pg.Client({ connectionString: it.db.url });
        await thief.connect();
        try {
          // The number that version 0.1 used for the notifications.
          await thief.query('select pg_advisory_lock(7264310503)');
          notifier();
          await fleetOf(['web', 'mail', 'dns'], ['web']);
          await waitFor(() => to.kinds.includes('decky_down web'), 15_000);
        } finally {
          await thief.end();
        }
      }),
    );

    test(
      'cannot hold the lock of the notifications; that somebody does is said',
      inScene(async ({ it, notifier }) => {
        const holder = new pg.Client({ connectionString: it.db.url });
        await holder.connect();
        await holder.query('begin');
        await holder.query(
          `update fleet_locks set used_at = now() - interval '2 minutes' where name = 'alarms'`,
        );
        await holder.query('commit');
        await holder.query('begin');
        await holder.query(`select from fleet_locks where name = 'alarms' for update`);
        const said: string[] = [];
        notifier('/', pino({ level: 'info' }, { write: (line: string) => void said.push(line) }));
        await waitFor(() => said.some((line) => /no process has checked the alerts for \d+ s/.test(line)));
        await holder.end();
        await waitFor(() => said.some((line) => /again"/.test(line)));
      }),
    );
  });
});
