import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import { postgresOutbox } from '../../src/database/outbox.ts';
import { createLog } from '../../src/lib/log.ts';
import { parseReceivers } from '../../src/notify/addresses.ts';
import { openReceiver } from '../../src/notify/receiver.ts';
import { openRepeater } from '../../src/notify/repeat-open.ts';
import { alertmanager, noAlertmanager } from '../harness/alertmanager.ts';
import { jsonHere } from '../harness/run-here.ts';
import { noSmtp, smtpServer } from '../harness/smtp.ts';
import { waitFor } from '../harness/wait.ts';
import { inScene, Receiver } from './scene.ts';

const three = ['web', 'mail', 'dns'];

/** A second receiver, for the time of the test. */
async function withReceiver(work: (other: Receiver) => Promise<void>): Promise<void> {
  const other = new Receiver();
  await other.start();
  try {
    await work(other);
  } finally {
    await other.stop();
  }
}

describe('several receivers', { concurrency: 8 }, () => {
  test(
    'get every message each, and one that is down delays none of the others',
    inScene(async ({ it, to, notifier, fleetOf }) => {
      await withReceiver(async (other) => {
        await fleetOf(three);
        to.answer = (response) => void response.writeHead(500).end();
        notifier([`http://127.0.0.1:${to.port}/`, `http://127.0.0.1:${other.port}/`]);
        await fleetOf(three, ['web']);
        await waitFor(() => other.got.length === 1 && to.got.length > 0);
        await fleetOf(three);
        await waitFor(() => other.got.length === 2);
        assert.deepEqual(other.kinds, ['decky_down web', 'decky_recovered web']);
        // What waits, waits for the one that is down, which says why.
        await waitFor(
          async () =>
            JSON.stringify(
              await it.db.query(
                'select distinct receiver, max(fault) as fault from fleet_notifications group by 1',
              ),
            ) === JSON.stringify([{ receiver: `webhook 127.0.0.1:${to.port}`, fault: 'it answered 500' }]),
        );
        const [down, up, gone] = [to.port, other.port, 1].map((port) => `webhook 127.0.0.1:${port}`);
        const env = {
          DATABASE_URL: it.db.url,
          DECNET_NOTIFY: `http://127.0.0.1:${to.port} http://127.0.0.1:${other.port}`,
        };
        await it.db.query(
          `insert into fleet_notifications (host_uuid, body, receiver) values ('x', '{}', $1)`,
          [gone],
        );
        const { checks } = await jsonHere<{ checks: { part: string; verdict: string; text: string }[] }>(
          ['doctor', '--json'],
          env,
        );
        const lines = checks.filter(({ part }) => part === 'receivers');
        assert.match(
          lines.map(({ verdict, text }) => `${verdict} ${text}`).join('\n'),
          new RegExp(
            `^fault ${down}: [12] messages? not delivered, the oldest for \\d+ s: it answered 500\\. They are sent again[^\\n]*\nok ${up}: every message is delivered\nnote ${gone}: 1 message not sent yet, and this environment has no receiver of that name$`,
          ),
        );
        await it.db.query(`delete from fleet_notifications where receiver = $1`, [gone]);
        to.answer = (response) => void response.writeHead(200).end();
        await waitFor(async () => (await it.db.query('select 1 from fleet_notifications')).length === 0);
        assert.deepEqual(to.kinds.slice(-2), ['decky_down web', 'decky_recovered web']);
        assert.equal(other.got.length, 2);
      });
    }),
  );

  test(
    'get what their filters let through',
    inScene(async ({ to, notifier, fleetOf, delivered }) => {
      await withReceiver(async (other) => {
        await fleetOf(three);
        notifier([
          `http://127.0.0.1:${to.port}/#kind=deckies_down&host=loc*`,
          `http://127.0.0.1:${other.port}/#severity=critical`,
        ]);
        await fleetOf(three, ['web']);
        await waitFor(() => to.got.length === 1);
        await fleetOf(three);
        await waitFor(() => to.got.length === 2);
        await delivered();
        assert.deepEqual(other.kinds, []);
        await fleetOf(three, three);
        await waitFor(() => other.got.length === 1);
        assert.deepEqual(other.kinds, ['host_down 3']);
      });
    }),
  );

  test(
    'get the end of what they were notified of, although its severity has fallen below their filter',
    inScene(async ({ it, to, notifier, fleetOf, run }) => {
      const bothHosts = async (failed: readonly string[], onB = failed): Promise<void> => {
        await fleetOf(three, onB);
        await run('b');
        await fleetOf(three, failed);
      };
      const severities = () =>
        it.db.query(
          "select severity, told ->> 'severity' as notified from fleet_incidents where closed_at is null",
        );
      await bothHosts([]);
      notifier([`http://127.0.0.1:${to.port}/#severity=critical`]);
      await bothHosts(three);
      await waitFor(() => to.got.length === 1);
      await bothHosts([], ['web']);
      await waitFor(
        async () => JSON.stringify(await severities()) === '[{"severity":"warning","notified":"critical"}]',
      );
      await bothHosts([]);
      await waitFor(() => to.got.length === 2);
      assert.deepEqual(
        to.got.map(({ body }) => body.kind),
        ['incident_opened', 'incident_resolved'],
      );
    }),
  );

  test(
    'are a webhook of an earlier version, too: what it left goes to DECNET_WEBHOOK_URL',
    inScene(async ({ it, to, notifier, fleetOf, received }) => {
      await fleetOf(three);
      notifier(null);
      await it.db.query(`insert into fleet_notifications (host_uuid, body) values ('local', $1)`, [
        JSON.stringify({ text: 'left', kind: 'decky_down' }),
      ]);
      notifier(`http://127.0.0.1:${to.port}/?format=slack`);
      await received(1);
      assert.deepEqual(to.got[0]?.body, { text: 'left' });
    }),
  );

  test(
    'of Slack and ntfy get their forms',
    inScene(async ({ it, to, notifier, fleetOf, received }) => {
      await fleetOf(three);
      const at = `127.0.0.1:${to.port}`;
      notifier([`slack+http://${at}/services/x`, `ntfy+http://:tk_1@${at}/base/decoys`]);
      await fleetOf(three, ['web']);
      await received(2);
      const [slack, ntfy] = ['/services/x', '/base/'].map((url) => to.got.find((one) => one.url === url));
      const text = 'web on host local is failed (was running): ssh: exited, code 137 (killed)';
      const link = 'https://fleet.example/deckies/local/web';
      assert.deepEqual(slack?.body, { text: `${text} ${link}` });
      assert.deepEqual(ntfy?.body, {
        topic: 'decoys',
        title: 'Warning: ssh: exited with code 137 (killed)',
        message: `${text}\nOn host local: docker logs --tail 10 web-ssh`,
        priority: 4,
        tags: ['warning'],
        click: link,
      });
      assert.equal(ntfy?.authorization, `Basic ${Buffer.from(':tk_1').toString('base64')}`);
      // Neither has the schema of the generic form.
      to.got.length = 0;
      await it.db.query('select 1');
    }),
  );

  test(
    'may be a real Alertmanager, which shows what is open, also after it was restarted',
    { skip: noAlertmanager },
    inScene(async ({ it, notifier, fleetOf }) => {
      const server = await alertmanager();
      try {
        await fleetOf(three);
        const address = `alertmanager+http://127.0.0.1:${server.port}`;
        notifier([address]);
        await fleetOf(three, three);
        await waitFor(async () => (await server.alerts()).length === 1);
        const [shown] = await server.alerts();
        const [{ id = '' } = {}] = await it.db.query<{ id: string }>(
          'select id from fleet_incidents where closed_at is null',
        );
        const labels = {
          alertname: 'host_down',
          incident: id,
          severity: 'critical',
          source: 'decnet-fleet',
          host: 'local',
        };
        assert.deepEqual(shown?.labels, labels);
        assert.deepEqual(shown?.annotations, {
          summary: 'Most deckies of host local went down',
          affected: '1 host, 3 deckies',
          next: 'On host local: docker ps --all',
        });
        const lasts = Date.parse(shown?.endsAt ?? '') - Date.now();
        assert.ok(lasts > 10 * 60_000, String(lasts));
        await server.stop();
        await server.start();
        assert.deepEqual(await server.alerts(), []);
        const outbox = postgresOutbox(it.database, {
          intervalSeconds: 30,
          graceSeconds: 300,
          historyDays: 30,
        });
        const [receiver] = parseReceivers(address).receivers.map(openReceiver);
        assert.ok(receiver);
        const stopped = new AbortController().signal;
        await openRepeater(outbox, receiver, { stopped, log: createLog('silent') })();
        await waitFor(async () => (await server.alerts()).length === 1);
        const [again] = await server.alerts();
        assert.deepEqual([again?.labels, again?.annotations], [labels, shown?.annotations]);
        await fleetOf(three);
        await waitFor(async () => (await server.alerts()).length === 0);
      } finally {
        await server.remove();
      }
    }),
  );

  test(
    'may get mail through a real server',
    { skip: noSmtp },
    inScene(async ({ notifier, fleetOf, delivered }) => {
      const server = await smtpServer();
      try {
        await fleetOf(three);
        notifier([`smtp://127.0.0.1:${server.port}/?from=fleet@a.example&to=ops@b.example,me@c.example`]);
        await fleetOf(three, three);
        await waitFor(() => server.mails().length === 1);
        await fleetOf(three);
        await waitFor(() => server.mails().length === 2);
        await delivered();
        const [down = '', up = ''] = [...server.mails()].sort((a) => (a.includes('Resolved') ? 1 : -1));
        assert.match(down, /^From: fleet@a\.example$/m);
        assert.match(down, /^To: ops@b\.example, me@c\.example$/m);
        assert.match(down, /^Subject: Critical: Most deckies of host local went down$/m);
        assert.match(down, /^On host local: docker ps --all$/m);
        assert.match(down, /^https:\/\/fleet\.example\/hosts\/local$/m);
        assert.match(up, /^Subject: Resolved: Most deckies of host local went down$/m);
        const [one, other] = [down, up].map((text) => /^References:\s+(<.*>)$/m.exec(text)?.[1]);
        assert.ok(one !== undefined && one === other, `${one} ${other}`);
      } finally {
        await server.remove();
      }
    }),
  );

  test(
    'may read syslog, over UDP and TCP',
    inScene(async ({ notifier, fleetOf }) => {
      const lines: string[] = [];
      const udp = createSocket('udp4').on('message', (line) => lines.push(`udp ${line}`));
      await new Promise<void>((done) => udp.bind(0, '127.0.0.1', done));
      const tcp = createServer((socket) => {
        const chunks: Buffer[] = [];
        socket.on('data', (chunk: Buffer) => chunks.push(chunk));
        socket.on('end', () => {
          lines.push(`tcp ${Buffer.concat(chunks)}`);
          socket.end();
        });
      });
      await new Promise<void>((done) => tcp.listen(0, '127.0.0.1', done));
      try {
        await fleetOf(three);
        const { port } = tcp.address() as { port: number };
        notifier([`syslog+udp://127.0.0.1:${udp.address().port}`, `syslog+tcp://127.0.0.1:${port}`]);
        await fleetOf(three, three);
        await waitFor(() => lines.length === 2);
        const [counted = '', plain = ''] = lines.sort();
        const line =
          /^<130>1 \S+Z \S+ decnet-fleet - host_down \[decnetFleet@32473 id="[\da-f-]{36}" incident="host_down-[\da-f]{16}" severity="critical" event="open" host="local"\] \uFEFF3 of 3 deckies on host local are failed/;
        assert.match(plain.replace(/^udp /, ''), line);
        const [, length, rest = ''] = /^tcp (\d+) (.*)$/s.exec(counted) ?? [];
        assert.match(rest, line);
        assert.equal(Number(length), Buffer.byteLength(rest));
      } finally {
        udp.close();
        tcp.close();
      }
    }),
  );
});
