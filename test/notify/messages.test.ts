import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decky, declared, exited, seen, serviceOf, unreachable } from '../harness/facts.ts';
import { waitFor } from '../harness/wait.ts';
import { inScene, names } from './scene.ts';

describe('messages', { concurrency: 12 }, () => {
  describe('a notification', () => {
    test(
      'tells a crash once, its end once, and is as its schema says',
      inScene(async ({ to, notifier, run, fleetOf, received, delivered, quiet }) => {
        await fleetOf(['web', 'mail']);
        notifier();
        await fleetOf(['web', 'mail'], ['web']);
        await received(1);
        await run();
        await fleetOf(['web', 'mail']);
        await received(2);
        await quiet();
        assert.deepEqual(to.kinds, ['decky_down web', 'decky_recovered web']);
        const [down] = to.got;
        const { id, since, incident, ...body } = down?.body ?? {};
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
          text: 'web on host local is failed (was running): ssh: exited, code 137 (killed)',
        });
        const sent = incident as Record<string, unknown>;
        assert.match(String(sent.id), /^deckies_down-[0-9a-f]{16}$/);
        assert.deepEqual(sent, {
          id: sent.id,
          kind: 'deckies_down',
          severity: 'warning',
          event: 'opened',
          cause: 'ssh: exited with code 137 (killed)',
          hosts: 1,
          deckies: 1,
          host_names: ['local'],
          since,
          duration_s: null,
          next: { host: 'local', command: 'docker logs --tail 10 web-ssh' },
        });
        const resolved = to.got[1]?.body.incident as Record<string, unknown>;
        assert.deepEqual([resolved.id, resolved.event], [sent.id, 'resolved']);
        assert.ok(Number(resolved.duration_s) >= 2);
        assert.match(
          String(to.got[1]?.body.text),
          /^web on host local runs again \(was failed\) after \d+ s$/,
        );
        await delivered();
      }),
    );

    test(
      'tells of most of a host in one message, and of its recovery in one',
      inScene(async ({ to, notifier, fleetOf, received, quiet }) => {
        await fleetOf(names(5));
        notifier();
        await fleetOf(names(5), names(4));
        await received(1);
        await fleetOf(names(5));
        await received(2);
        await quiet();
        assert.deepEqual(to.kinds, ['host_down 4', 'host_recovered 4']);
        assert.deepEqual(to.got[0]?.body.names, names(4));
        assert.equal(to.got[0]?.body.link, 'https://fleet.example/hosts/local');
      }),
    );

    test(
      'alarms nobody at a first deployment, however slow',
      inScene(async ({ it, to, notifier, run, fleetOf, received, quiet, alerts }) => {
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
        assert.deepEqual([to.kinds, await alerts()], [[], []]);
        await fleetOf(['web', 'mail'], ['web']);
        await received(1);
        assert.deepEqual(to.kinds, ['decky_down web']);
      }),
    );

    test(
      'tells flapping once, and how it ended',
      inScene(async ({ it, to, notifier, fleetOf, received, quiet }) => {
        await fleetOf(['web', 'mail', 'dns']);
        notifier();
        const sent = ['decky_down web', 'decky_recovered web', 'decky_down web', 'decky_flapping web'];
        for (const at of sent.keys()) {
          await fleetOf(['web', 'mail', 'dns'], at % 2 === 0 ? ['web'] : []);
          await received(at + 1);
        }
        assert.equal(to.got[3]?.body.state, 'running');
        assert.match(String(to.got[3]?.body.text), /; now running/);
        await fleetOf(['web', 'mail', 'dns'], ['web']);
        await quiet();
        assert.deepEqual(to.kinds, sent);
        await it.db.query(`update fleet_alarms set changed_at = now() - interval '301 seconds'`);
        await received(5);
        await quiet();
        assert.deepEqual(to.kinds, [...sent, 'decky_down web']);
      }),
    );

    test(
      'of a decky that was removed comes only after one that it is down',
      inScene(async ({ to, notifier, fleetOf, received, quiet, alerts }) => {
        await fleetOf(['web', 'mail', 'dns']);
        notifier();
        await fleetOf(['web', 'mail', 'dns'], ['web']);
        await received(1);
        await fleetOf(['dns']);
        await received(2);
        await quiet();
        assert.deepEqual(to.kinds, ['decky_down web', 'decky_removed web']);
        assert.deepEqual(await alerts(), []);
      }),
    );

    test(
      'that an incident grows leaves out what is being deployed or runs again',
      inScene(async ({ it, to, notifier, fleetOf, received, quiet, alerts }) => {
        await fleetOf(names(10));
        notifier();
        await fleetOf(names(10), names(1));
        await received(1);
        await fleetOf(names(10), names(2));
        await waitFor(async () => (await alerts()).filter(({ sent }) => sent === 'failed').length === 2);
        const growsNow = `update fleet_incidents set told = told || jsonb_build_object('at', (told ->> 'at')::float8 - 31000)`;
        const second = (state: string) =>
          it.db.query(
            `update fleet_alarms set state = '${state}', changed_at = now() + interval '4 s' where name = 'decky-1'`,
          );
        for (const state of ['pending', 'running']) {
          await second(state);
          await it.db.query(growsNow);
          await quiet();
          assert.deepEqual(to.kinds, ['decky_down decky-0'], state);
        }
        await second('failed');
        await received(2);
        assert.deepEqual(to.kinds, ['decky_down decky-0', 'host_down 2']);
      }),
    );

    test(
      'tells when another program deletes the row of a decky that is down, or writes that it runs',
      inScene(async ({ it, to, notifier, run, fleetOf, received, delivered }) => {
        await fleetOf(['web', 'mail', 'dns']);
        await fleetOf(['web', 'mail', 'dns'], ['web', 'mail']);
        const first = notifier();
        await received(1);
        await delivered();
        await first.close();
        await it.db.query(`delete from fleet_deckies where name = 'web'`);
        await it.db.query(`update fleet_deckies set state = 'running', updated_at = now() - interval '1 hour'
      where name = 'mail'`);
        it.desired = declared(decky('mail'), decky('dns'));
        it.observed = seen(serviceOf('mail', 'ssh'), serviceOf('dns', 'ssh'));
        await run();
        notifier();
        await received(2);
        assert.deepEqual(to.kinds, ['host_down 2', 'host_recovered 2']);
      }),
    );

    test(
      'tells when a host becomes stale and its Docker unreachable, and when that ends',
      inScene(async ({ it, to, notifier, run, fleetOf, received }) => {
        await fleetOf(['web']);
        notifier();
        it.observed = unreachable;
        await run();
        await received(1);
        await fleetOf(['web']);
        await received(2);
        // Else so many changes would be flapping.
        await it.db.query(`update fleet_alarms set recent = '[]'`);
        await it.db.query(`update fleet_hosts set interval_s = 1, last_full_pass_at = now() - interval '10 s',
      last_observed_at = now() - interval '10 s'`);
        await received(3);
        await it.db.query('update fleet_hosts set interval_s = 30');
        await run();
        await received(4);
        assert.deepEqual(
          to.got.map(({ body }) => body.kind),
          ['docker_unreachable', 'docker_back', 'host_stale', 'host_fresh'],
        );
        const [gone] = to.got;
        assert.match(String(gone?.body.reason), /Docker does not answer/);
        assert.deepEqual([gone?.body.service, gone?.body.exit_code], [null, null]);
      }),
    );

    test(
      'does not call a host stale while this process has not watched for long enough',
      inScene(async ({ it, to, notifier, fleetOf, quiet, alerts }) => {
        await fleetOf(['web']);
        await it.db.query(`update fleet_hosts set last_full_pass_at = now() - interval '1 day',
      last_observed_at = now() - interval '1 day'`);
        notifier();
        await quiet();
        assert.deepEqual([to.kinds, await alerts()], [[], []]);
      }),
    );
  });

  describe('without a receiver', () => {
    for (const [age, sent] of [
      ['1 minute', ['decky_down web', 'decky_recovered web']],
      ['11 minutes', []],
    ] as const)
      test(
        `an incident that was opened ${age} ago is ${sent.length > 0 ? '' : 'not '}sent to one that is set later`,
        inScene(async ({ it, to, notifier, fleetOf, quiet }) => {
          await fleetOf(['web', 'mail', 'dns']);
          await fleetOf(['web', 'mail', 'dns'], ['web']);
          const silent = notifier(null);
          const incidents = () =>
            it.db.query<{ kind: string; closed: boolean }>(
              'select kind, closed_at is not null as closed from fleet_incidents',
            );
          await waitFor(async () => (await incidents()).length === 1);
          await silent.close();
          assert.deepEqual(await it.db.query('select 1 from fleet_notifications'), []);
          await it.db.query('update fleet_incidents set opened_at = now() - $1::interval', [age]);
          notifier();
          await quiet();
          assert.deepEqual(to.kinds, sent.slice(0, 1));
          await fleetOf(['web', 'mail', 'dns']);
          await waitFor(async () => (await incidents())[0]?.closed === true);
          await quiet();
          assert.deepEqual(to.kinds, sent);
        }),
      );
  });
});

// It keeps the machine busy: the others would wait for it.
describe('a large host', () => {
  test(
    'of 10,000 deckies that all die is one message',
    inScene(async ({ to, notifier, fleetOf, received, quiet }) => {
      await fleetOf(names(10_000));
      notifier();
      await fleetOf(names(10_000), names(10_000));
      await received(1);
      await quiet();
      assert.deepEqual(to.kinds, ['host_down 10000']);
    }),
  );
});
