import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { mailOf } from '../../src/notify/formats/mail.ts';
import { ntfyBody } from '../../src/notify/formats/ntfy.ts';
import { slackBody } from '../../src/notify/formats/slack.ts';
import { syslogLine } from '../../src/notify/formats/syslog.ts';
import { type ContainerLogs, LastLinesReader } from '../../src/pass/last-lines.ts';
import { waitFor } from '../harness/wait.ts';
import { inScene, type Scene } from './scene.ts';

const three = ['web', 'mail', 'dns'];

/** Reads the logs as `DECNET_NOTIFY_LOGS` asks. @returns the containers whose logs were read */
function withLogs({ it }: Pick<Scene, 'it'>, read: ContainerLogs['read'], lines = 10): readonly string[] {
  const containers: string[] = [];
  it.ports.lastLines = new LastLinesReader(
    {
      read: (container, count, signal) => {
        containers.push(container);
        return read(container, count, signal);
      },
    },
    it.ports.ledger,
    lines,
  );
  return containers;
}

const linesOf = ({ to }: Pick<Scene, 'to'>): readonly unknown[] => to.got.map(({ body }) => body.last_lines);

describe('the last lines of what broke', { concurrency: 6 }, () => {
  test(
    'are in the message that a decky is down, and in no other',
    inScene(async (scene) => {
      const { fleetOf, notifier, received } = scene;
      const read = withLogs(scene, async (container, count) => [
        `${count} lines of ${container}`,
        '\u001b[31mred',
      ]);
      await fleetOf(three);
      notifier();
      await fleetOf(three, ['web']);
      await received(1);
      await fleetOf(three);
      await received(2);
      assert.deepEqual(linesOf(scene), [{ ssh: ['10 lines of web-ssh', 'red'] }, undefined]);
      assert.deepEqual(read, ['web-ssh']);
    }),
  );

  test(
    'are those of one decky, if several broke, and at most five logs are read',
    inScene(async (scene) => {
      const { fleetOf, notifier, received } = scene;
      const read = withLogs(scene, async (container) => [container]);
      const many = Array.from({ length: 8 }, (_, at) => `decky-${at}`);
      await fleetOf(many);
      notifier();
      await fleetOf(many, many);
      await received(1);
      assert.deepEqual(linesOf(scene), [{ ssh: ['decky-0-ssh'] }]);
      assert.equal(read.length, 5);
    }),
  );

  for (const [what, read] of [
    ['cannot be read', () => Promise.reject(new Error('no such container'))],
    [
      'do not come in time',
      (_name: string, _lines: number, signal: AbortSignal) =>
        new Promise<readonly string[]>((_done, fail) =>
          signal.addEventListener('abort', () => fail(signal.reason)),
        ),
    ],
    ['are empty', async () => ['', '  ']],
  ] as const)
    test(
      `are left out where they ${what}`,
      inScene(async (scene) => {
        const { fleetOf, notifier, received } = scene;
        withLogs(scene, read);
        await fleetOf(three);
        notifier();
        await fleetOf(three, ['web']);
        await received(1);
        assert.deepEqual(linesOf(scene), [undefined]);
      }),
    );

  test(
    'that a stolen worker wrote are bounded, and those of a decky that runs again are forgotten',
    inScene(async (scene) => {
      const { it, fleetOf, notifier, received } = scene;
      await fleetOf(three);
      await fleetOf(three, ['web']);
      await it.db.query('update fleet_alarms set last_lines = $1', [
        JSON.stringify({ ssh: [`a\u202e<!channel>\n${'x'.repeat(5000)}`], 'a\nb': ['x'], http: 'x' }),
      ]);
      notifier();
      await received(1);
      assert.deepEqual(linesOf(scene), [{ ssh: [`a\ufffd<!channel>\ufffd${'x'.repeat(186)}…`] }]);
      await fleetOf(three);
      await waitFor(async () => {
        const kept = await it.db.query('select 1 from fleet_alarms where last_lines is not null');
        return kept.length === 0;
      });
    }),
  );
});

describe('the last lines in the form of a receiver', () => {
  const incident = {
    ...{ id: 'x', kind: 'deckies_down', severity: 'warning', event: 'opened', cause: 'ssh: exited' },
    ...{ hosts: 1, deckies: 1, host_names: ['a'], since: '2026-03-01T12:00:00.000Z' },
    next: { host: 'a', command: 'docker ps' },
  };
  const bodyWith = (...lines: readonly string[]) => ({
    ...{ kind: 'decky_down', text: 'web is failed', link: null, since: incident.since, host_uuid: 'a' },
    ...{ incident, last_lines: { ssh: lines } },
  });
  const body = bodyWith('<!channel> @here *b* ```', 'To: x@y.example', '<b>&amp;</b>', '. | ]"');
  const sending = { id: '5f1c', attempts: 0, body };

  test('of Slack are in a code block that they cannot leave, and mention nobody', () =>
    assert.equal(
      slackBody(body).text,
      "web is failed\nLast lines of ssh:\n```\n&lt;!channel&gt; ＠here *b* '''\nTo: x＠y.example\n&lt;b&gt;&amp;amp;&lt;/b&gt;\n. | ]\"\n```",
    ));
  test('of mail are indented, after everything else, and in no head', () => {
    const { text, subject, headers, references } = mailOf(sending);
    assert.match(
      text,
      /\n\nLast lines of ssh:\n {4}<!channel> @here \*b\* ```\n {4}To: x@y\.example\n {4}<b>&amp;<\/b>\n {4}\. \| \]"\n$/,
    );
    assert.doesNotMatch(JSON.stringify([subject, headers, references]), /example|channel/);
  });
  test('of syslog are in the same line', () => {
    const line = syslogLine({ ...sending, body: bodyWith('a\nb', 'c') }, 0, 'master');
    assert.match(line, /; last lines of ssh: a\ufffdb \| c$/);
  });
  test('of syslog do not make it longer than every receiver takes', () =>
    assert.ok(
      Buffer.byteLength(
        syslogLine({ ...sending, body: bodyWith(...Array(50).fill('é'.repeat(200))) }, 0, 'm'),
      ) <= 2048,
    ));
  test('of ntfy are the newest that fit into a message', () => {
    const many = Array.from({ length: 50 }, (_, at) => `${at} ${'é'.repeat(150)}`);
    const { message } = ntfyBody('decoys', bodyWith(...many));
    assert.ok(Buffer.byteLength(String(message)) < 4096);
    assert.match(String(message), /\n {4}49 é+$/);
  });
});
