import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type PassOutcome, pass } from '../../src/pass/pass.ts';
import { parseStateFile } from '../../src/state-file/parse.ts';
import {
  absent,
  container,
  decky,
  declared,
  exited,
  invalid,
  seen,
  serviceOf,
  unreachable,
} from '../harness/facts.ts';
import { type Bench, bench, rowsOf, statesOf } from '../harness/pass.ts';

/** Faults of DECNET's reconciler. @see DOMAIN.md */
describe('upstream’s fault', () => {
  let it: Bench;
  beforeEach(async () => {
    it = await bench();
  });
  afterEach(() => it.close());

  const run = (): Promise<PassOutcome> =>
    pass({ host_uuid: 'local' }, '1', it.ports, { graceSeconds: 300, rolloutSeconds: 0 });
  const othersRow = (name: string, state: string, secondsAgo: number) =>
    it.db.query(
      `insert into fleet_deckies (host_uuid, name, services, decky_config, decky_ip, state, updated_at)
       values ('local', $1, '["ssh"]', $2, '192.0.2.7', $3, now() - make_interval(secs => $4))`,
      [name, JSON.stringify(decky(name).config), state, secondsAgo],
    );

  test('1: a missing file deletes every row, even while all containers run or Docker cannot be asked', async () => {
    it.desired = declared(decky('web'), decky('mail'));
    it.observed = seen(...['web', 'mail'].flatMap((name) => [container(name), serviceOf(name, 'ssh')]));
    await run();
    it.desired = absent;
    assert.equal((await run()).result.held, 2);
    it.observed = unreachable;
    assert.equal((await run()).result.held, 2);
    assert.deepEqual(await statesOf(it.db), ['mail running', 'web running']);
    it.observed = seen();
    assert.equal((await run()).result.deleted, 2);
  });

  test('2: duplicate names are accepted, and the row flaps for ever', async () => {
    const twice = JSON.stringify({
      config: { deckies: ['192.0.2.1', '192.0.2.2'].map((ip) => ({ name: 'web', ip, services: ['ssh'] })) },
    });
    await assert.rejects(parseStateFile(Buffer.from(twice), '/x', 'local'), { code: 'STATE_FILE_INVALID' });
  });

  test('3: a swarm master’s file never converges', async () => {
    const file = JSON.stringify({
      config: {
        deckies: [null, 'host-a', 'host-b'].map((host_uuid) => ({
          name: 'web',
          ip: '192.0.2.7',
          services: ['ssh'],
          host_uuid,
        })),
      },
    });
    await it.db.query(
      `insert into fleet_deckies (host_uuid, name, services, state, updated_at)
       select h, 'web', '["ssh"]', 'running', now() - interval '1 day' from unnest(array['host-a', 'host-b']) h`,
    );
    const peers = async () => [await rowsOf(it.db, 'host-a'), await rowsOf(it.db, 'host-b')];
    const before = await peers();
    it.desired = await parseStateFile(Buffer.from(file), '/x', 'local');
    it.observed = seen(serviceOf('web', 'ssh'));
    assert.equal((await run()).result.inserted, 1);
    const { inserted, deleted, state_updated } = (await run()).result;
    assert.deepEqual([inserted, deleted, state_updated], [0, 0, 0]);
    assert.deepEqual(await peers(), before);
  });

  test('4: smtp_relay and sniffer make a healthy decky permanently degraded', async () => {
    it.desired = declared(decky('mail', ['smtp_relay', 'sniffer', 'docker_api']));
    it.observed = seen(container('mail'), container('mail-smtp_relay'), container('mail-docker-api'));
    await run();
    assert.deepEqual(await statesOf(it.db), ['mail running']);
  });

  test('5: an insert while Docker is unreachable records running, a guess', async () => {
    it.desired = declared(decky('web'));
    it.observed = unreachable;
    await run();
    assert.deepEqual(await statesOf(it.db), ['web pending']);
  });

  test('6: an unhealthy container, or a dead base container, counts as running', async () => {
    it.desired = declared(decky('sick'), decky('headless'));
    it.observed = seen(
      serviceOf('sick', 'ssh', { unhealthy: true }),
      serviceOf('headless', 'ssh'),
      container('headless', exited(137)),
    );
    await run();
    assert.deepEqual(await statesOf(it.db), ['headless degraded', 'sick degraded']);
  });

  test('7: a row is deleted while its deployment is still being written to the file', async () => {
    await othersRow('web', 'running', 5);
    it.desired = declared(decky('other'));
    it.observed = seen();
    await run();
    assert.deepEqual(await statesOf(it.db), ['other torn_down', 'web running']);
  });

  test('7: it flips running → torn_down → running while its images are built', async () => {
    await othersRow('web', 'running', 5);
    it.desired = declared(decky('web'));
    it.observed = seen();
    await run();
    it.observed = seen(serviceOf('web', 'ssh'));
    await run();
    assert.deepEqual(await it.db.query('select * from fleet_transitions'), []);
  });

  test('7: pending and tearing_down are overwritten mid-flight', async () => {
    await othersRow('coming', 'pending', 5);
    await othersRow('going', 'tearing_down', 5);
    it.desired = declared(decky('coming'), decky('going'));
    it.observed = seen(serviceOf('coming', 'ssh', exited(1)), serviceOf('going', 'ssh'));
    await run();
    await run();
    assert.deepEqual(await statesOf(it.db), ['coming pending', 'going tearing_down']);
  });

  test('8: a change in the file never reaches the row, and last_error is never written', async () => {
    it.desired = declared(decky('web'));
    it.observed = seen(serviceOf('web', 'ssh', exited(137)));
    await run();
    const changed = { ...decky('web', ['ssh', 'http'], { ip: '192.0.2.99' }), ip: '192.0.2.99' };
    it.desired = declared(changed);
    await run();
    const [row] = await rowsOf(it.db);
    assert.deepEqual(
      [row?.decky_ip, row?.services, row?.decky_config, row?.last_error],
      ['192.0.2.99', ['ssh', 'http'], changed.config, 'ssh: exited, code 137; http: no container'],
    );
  });

  test('9: one invalid decky stops everything silently', async () => {
    it.desired = declared(decky('web'));
    it.observed = seen(serviceOf('web', 'ssh'));
    await run();
    it.desired = invalid;
    it.observed = seen();
    assert.match((await run()).failure?.message ?? '', /deckies\[0\]\.ip is missing/);
    assert.deepEqual(await statesOf(it.db), ['web torn_down']);
  });

  test('13: a decky whose name contains a dot makes the pass fail after its row is written', async () => {
    it.desired = declared(decky('web.corp'));
    it.observed = seen(serviceOf('web.corp', 'ssh'));
    await run();
    assert.deepEqual(await statesOf(it.db), ['web.corp running']);
    assert.deepEqual(
      it.sent.map(({ topic }) => topic),
      ['decky.local:web%2Ecorp.state'],
    );
  });
});
