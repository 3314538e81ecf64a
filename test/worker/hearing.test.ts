import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import { openBus } from '../../src/bus/open.ts';
import type { Explanations } from '../../src/fleet/plan/explanations.ts';
import { createLog } from '../../src/lib/log.ts';
import type { Bus } from '../../src/pass/announce.ts';
import { pass } from '../../src/pass/pass.ts';
import { openRedis } from '../../src/queue/backend.ts';
import { type DecnetMessages, decnetMessages } from '../../src/worker/hearing.ts';
import type { Trigger } from '../../src/worker/triggers.ts';
import { type BusServer, busServer } from '../harness/bus-server.ts';
import { type TestDatabase, testDatabase } from '../harness/database.ts';
import { decky, declared, unreachable } from '../harness/facts.ts';
import { bench } from '../harness/pass.ts';
import { waitFor } from '../harness/wait.ts';

const mutation = (name: string, services: unknown): object => ({
  decky: name,
  old_services: ['ssh'],
  new_services: services,
  trigger: 'interval',
});
const deploy = (status: unknown): object => ({ operation: 'deploy', status });

const inWords = ({ mutations, lifecycles }: Explanations): string =>
  [
    ...[...mutations].map(([name, services]) => `${name} has ${services.join(' ')}`),
    ...[...lifecycles].map(([name, status]) => `${name} ${status}`),
  ].join(', ');
const asWord = (trigger: Trigger): string => (trigger.kind === 'decky' ? trigger.name : trigger.kind);

/** The messages of a bus that is only a function. */
function direct() {
  const receivers: [topic: string, receive: Parameters<Bus['subscribe']>[1]][] = [];
  const messages = decnetMessages(
    { subscribe: (topic, receive) => void receivers.push([topic, receive]) },
    () => new Map(),
  );
  const heard: string[] = [];
  messages.start((trigger) => heard.push(asWord(trigger)));
  const say = (topic: string, payload: unknown): void => {
    const kind = topic.split('.').at(-1);
    for (const [pattern, receive] of receivers)
      if (pattern.split('.').at(-1) === kind) receive(payload, 'host', topic);
  };
  return { messages, heard, say };
}

describe('a message of DECNET', () => {
  const long = 'x'.repeat(129);
  for (const [topic, payload, explanations, heard] of [
    ['decky.web.mutation', mutation('web', ['ftp', 'ssh']), 'web has ftp ssh', 'web'],
    ['decky.web.mutation', mutation('web', ['ftp', 'ftp']), 'web has ftp', 'web'],
    ['decky.web.mutation', mutation('web', ['sniffer']), 'web has sniffer', 'web'],
    ['decky.web.lifecycle', deploy('running'), 'web running', 'everything'],
    ['decky.web.lifecycle', deploy('failed'), 'web failed', 'everything'],
    ['decky.web.service_added', null, '', 'web'],
    ['decky.web.service_removed', 7, '', 'web'],
    ['decky.web.service_config_changed', {}, '', 'web'],
    // Hostile ones.
    ['decky.web.mutation', null, '', ''],
    ['decky.web.mutation', 'text', '', ''],
    ['decky.web.mutation', [], '', ''],
    ['decky.web.mutation', {}, '', ''],
    ['decky.web.mutation', mutation('web', []), '', ''],
    ['decky.web.mutation', mutation('web', 'ssh'), '', ''],
    ['decky.web.mutation', mutation('web', [1, 'ssh']), '', ''],
    ['decky.web.mutation', mutation('web', ['ssh', '']), '', ''],
    ['decky.web.mutation', mutation('web', [long]), '', ''],
    ['decky.web.mutation', mutation('web', new Array(201).fill('ssh')), '', ''],
    ['decky.web.mutation', mutation('../web', ['ssh']), '', ''],
    ['decky.web.mutation', { ...mutation('web', ['ssh']), decky: { name: 'web' } }, '', ''],
    ['decky.web.lifecycle', deploy('exploded'), '', ''],
    ['decky.web.lifecycle', deploy(['running']), '', ''],
    ['decky.web.lifecycle', { operation: 'teardown', status: 'running' }, '', ''],
    ['decky.web.lifecycle', 'running', '', ''],
    [`decky.${long}.lifecycle`, deploy('running'), '', ''],
  ] as const)
    test(`${topic.slice(0, 40)} ${JSON.stringify(payload).slice(0, 90)}`, () => {
      const it = direct();
      it.say(topic, payload);
      assert.equal(inWords(it.messages.explanations()), explanations);
      assert.equal(it.heard.join(), heard);
    });

  test('the last one about a decky counts', () => {
    const { messages, say } = direct();
    say('decky.web.mutation', mutation('web', ['ftp']));
    say('decky.web.mutation', mutation('web', ['telnet']));
    say('decky.web.lifecycle', deploy('running'));
    say('decky.web.lifecycle', deploy('succeeded'));
    assert.equal(inWords(messages.explanations()), 'web has telnet, web succeeded');
  });

  test('what is heard during a pass is not lost', () => {
    const { messages, say } = direct();
    say('decky.web.mutation', mutation('web', ['ftp']));
    say('decky.mail.mutation', mutation('mail', ['imap']));
    say('decky.web.lifecycle', deploy('running'));
    const began = messages.explanations();
    say('decky.web.mutation', mutation('web', ['telnet']));
    say('decky.web.lifecycle', deploy('failed'));
    assert.equal(inWords(began), 'web has ftp, mail has imap, web running', 'the pass keeps what it has');
    messages.recorded(began);
    assert.equal(inWords(messages.explanations()), 'web has telnet, web failed');
    messages.recorded(messages.explanations());
    assert.equal(inWords(messages.explanations()), '');
  });

  test('of more deckies than are kept, the last are not heard', () => {
    const { messages, say } = direct();
    for (let at = 0; at < 10_001; at++) say('decky.web.mutation', mutation(`d${at}`, ['ssh']));
    say('decky.web.mutation', mutation('d0', ['ftp']));
    const { mutations } = messages.explanations();
    assert.equal(mutations.size, 10_000);
    assert.deepEqual(mutations.get('d0'), ['ftp']);
  });
});

describe('what a pass does with messages', () => {
  test('one that fails, or only looks, keeps them; one that is applied forgets them', async () => {
    const it = await bench();
    const { messages, say } = direct();
    it.desired = declared(decky('web'));
    it.observed = unreachable;
    const ports = { ...it.ports, hearing: messages };
    const settings = { graceSeconds: 300, rolloutSeconds: 900 };
    try {
      say('decky.web.mutation', mutation('web', ['ftp']));
      await pass({ host_uuid: 'local', dry_run: true }, 'look', ports, settings);
      assert.equal(inWords(messages.explanations()), 'web has ftp');
      await it.db.query('alter table fleet_deckies rename to away');
      await assert.rejects(pass({ host_uuid: 'local' }, 'fails', ports, settings));
      assert.equal(inWords(messages.explanations()), 'web has ftp');
      await it.db.query('alter table away rename to fleet_deckies');
      await pass({ host_uuid: 'local' }, 'works', ports, settings);
      assert.equal(inWords(messages.explanations()), '');
      const [row] = await it.db.query<{ services: unknown }>('select services from fleet_deckies');
      assert.deepEqual(row?.services, ['ftp']);
    } finally {
      await it.close();
    }
  });
});

describe('on DECNET’s bus', () => {
  const directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-hearing-'));
  let db: TestDatabase;
  let server: BusServer;
  let heard: string[];
  before(async () => {
    db = await testDatabase({ migrated: false });
    server = await busServer(join(directory, 'bus.sock'));
  });
  beforeEach(() => {
    heard = [];
  });
  after(async () => {
    await server.stop();
    await db.drop();
    rmSync(directory, { recursive: true, force: true });
  });

  async function withBus(redis: Redis | null, work: (messages: DecnetMessages) => Promise<void>) {
    const log = createLog('silent', 'json');
    const bus = openBus({ redis, databaseUrl: db.url, decnet: { path: server.path } }, log);
    const messages = decnetMessages(bus, () => new Map());
    messages.start((trigger) => heard.push(asWord(trigger)));
    try {
      await work(messages);
    } finally {
      await bus.close();
    }
  }
  /** Everything that was said before has arrived when this is heard. */
  const untilHeard = (messages: DecnetMessages): Promise<void> =>
    waitFor(() => {
      server.send('decky.end.lifecycle', deploy('running'));
      return messages.explanations().lifecycles.has('end');
    });

  test('patterns match one name, and names with dots do not match', async () => {
    await withBus(null, async (messages) => {
      await untilHeard(messages);
      server.send('decky.web.mutation', mutation('web', ['ftp']));
      server.send('decky.web.service_added', null);
      for (const topic of ['decky.a.b.mutation', 'decky..mutation', 'decky.mutation', 'decky.web.state'])
        server.send(topic, mutation('other', ['ftp']));
      server.send('decky.a.b.lifecycle', deploy('running'));
      await waitFor(() => heard.filter((one) => one === 'web').length === 2);
      server.send('decky.last.lifecycle', deploy('running'));
      await waitFor(() => messages.explanations().lifecycles.has('last'));
      assert.deepEqual([...messages.explanations().mutations], [['web', ['ftp']]]);
      assert.deepEqual([...messages.explanations().lifecycles.keys()], ['end', 'last']);
    });
  });

  const topics = ['decky.web.mutation', 'decky.*.mutation'];
  test('messages of other hosts do not come from PostgreSQL', async () => {
    await withBus(null, async (messages) => {
      await untilHeard(messages);
      for (const topic of topics)
        await db.query('select pg_notify($1, $2)', [
          'decnet_fleet',
          JSON.stringify({ topic, payload: mutation('web', ['ftp']) }),
        ]);
      await new Promise((done) => setTimeout(done, 300));
      assert.equal(messages.explanations().mutations.size, 0);
    });
  });

  const noRedis =
    process.env.TEST_REDIS_URL === undefined && 'Redis: there is no redis-server on this machine';
  test('nor from Redis', { skip: noRedis }, async () => {
    const url = process.env.TEST_REDIS_URL ?? '';
    const [shared, speaker] = [openRedis(url), new Redis(url)];
    await shared.ping();
    try {
      await withBus(shared, async (messages) => {
        await untilHeard(messages);
        for (const topic of topics)
          await speaker.publish(topic, JSON.stringify({ payload: mutation('web', ['ftp']) }));
        await new Promise((done) => setTimeout(done, 300));
        assert.equal(messages.explanations().mutations.size, 0);
      });
    } finally {
      shared.disconnect();
      speaker.disconnect();
    }
  });
});
