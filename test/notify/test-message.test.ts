import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { alertmanager, noAlertmanager } from '../harness/alertmanager.ts';
import { notificationSchema } from '../harness/notification.ts';
import { runHere } from '../harness/run-here.ts';
import { noSmtp, smtpServer } from '../harness/smtp.ts';
import { Receiver } from './scene.ts';

describe('notify test', () => {
  test('says of each receiver what came back, and no secret', async () => {
    const to = new Receiver();
    await to.start();
    to.answer = (response) => void response.writeHead(to.got.length === 1 ? 200 : 404).end();
    const DECNET_NOTIFY = `http://me:s3cret@127.0.0.1:${to.port}/s3cret?t=s3cret#kind=host_stale`;
    const first = await runHere(['notify', 'test'], { DECNET_NOTIFY });
    const second = await runHere(['notify', 'test'], {
      DECNET_NOTIFY: `${DECNET_NOTIFY} slack+http://127.0.0.1:1/s3cret#name=chat`,
      DECNET_WEBHOOK_URL: `http://127.0.0.1:${to.port}/s3cret?format=slack`,
    });
    await to.stop();
    const at = `127\\.0\\.0\\.1:${to.port}`;
    assert.match(first.stdout, new RegExp(`^ok +webhook ${at} +http://${at} +it answered 200\\n$`));
    assert.equal(first.code, 0);
    const isNotification = notificationSchema();
    assert.ok(isNotification(to.got[0]?.body), JSON.stringify(isNotification.errors));
    assert.equal(to.got[0]?.body.kind, 'test');
    assert.equal(second.code, 1);
    assert.match(
      second.stdout,
      new RegExp(
        `^FAULT +DECNET_WEBHOOK_URL +http://${at} +it answered 404\\nFAULT +webhook ${at} +http://${at} +it answered 404\\nFAULT +chat +http://127\\.0\\.0\\.1:1 +[^\\n]+\\n$`,
      ),
    );
    assert.doesNotMatch(`${first.stdout}${second.stdout}${first.stderr}${second.stderr}`, /s3cret/);
  });

  test('reaches a real Alertmanager', { skip: noAlertmanager }, async () => {
    const server = await alertmanager();
    try {
      const { code, stdout } = await runHere(['notify', 'test'], {
        DECNET_NOTIFY: `alertmanager+http://127.0.0.1:${server.port}`,
      });
      assert.equal(code, 0, stdout);
      const shown = await server.alerts();
      assert.deepEqual(
        shown.map(({ labels }) => labels),
        [{ alertname: 'test', incident: 'test', severity: 'info', source: 'decnet-fleet' }],
      );
    } finally {
      await server.remove();
    }
  });

  test('reaches a real mail server, which must offer encryption for a login', { skip: noSmtp }, async () => {
    const server = await smtpServer();
    try {
      const query = '?from=fleet@a.example&to=ops@b.example';
      const { code, stdout } = await runHere(['notify', 'test'], {
        DECNET_NOTIFY: `smtp://127.0.0.1:${server.port}/${query} smtp://me:s3cret@127.0.0.1:${server.port}/${query}`,
      });
      assert.equal(code, 1);
      assert.match(stdout, /^ok .* it answered 250\nFAULT .*\n$/);
      assert.doesNotMatch(stdout, /s3cret/);
      assert.equal(server.mails().length, 1);
      assert.match(server.mails()[0] ?? '', /^Subject: Info: Test of decnet-fleet: /m);
    } finally {
      await server.remove();
    }
  });
});
