import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { OutgoingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { packageRoot } from '../../src/lib/package.ts';
import type { IncidentView } from '../../src/views/incidents.ts';
import type { SilenceView } from '../../src/views/silences.ts';
import { noBrowser } from '../harness/browser.ts';
import { type OwnDashboard, ownDashboard, type TestDashboard, testDashboard } from '../harness/dashboard.ts';
import { ask, basic } from '../harness/http.ts';
import { addIncidents } from '../harness/sample-incident.ts';

const nasty = '<img src=x onerror=alert(1)>"\'&';
const escaped = '&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;';
const id = 'deckies_down-0123456789abcdef';

describe('silences and acknowledgements on the pages', () => {
  let guarded: OwnDashboard;
  let readOnly: TestDashboard;
  const login = { authorization: basic('ops', 'secret-of-ops') };

  before(async () => {
    guarded = await ownDashboard({
      rows: [`insert into fleet_hosts (host_uuid, interval_s) values ('host-a', 30)`],
      credentials: { user: 'ops', password: 'secret-of-ops' },
    });
    readOnly = await testDashboard(guarded.env);
    const affected = [{ host: 'host-a', name: nasty, state: 'failed' }];
    await addIncidents(guarded.db, { id, cause: nasty, affected });
  });
  after(async () => {
    await readOnly?.close();
    await guarded?.close();
  });

  const form = (
    path: string,
    fields: Readonly<Record<string, string>>,
    headers: OutgoingHttpHeaders = login,
  ) =>
    ask(guarded.url + path, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(fields).toString(),
    });
  const page = async (path: string, of: TestDashboard = guarded): Promise<string> => {
    const { status, body } = await ask(of.url + path, { headers: login });
    assert.equal(status, 200, body);
    if (!path.startsWith('/api/')) assert.doesNotMatch(body, /<img src=x/);
    return body;
  };
  const silences = async (query = ''): Promise<readonly SilenceView[]> =>
    (JSON.parse(await page(`/api/silences${query}`)) as { silences: readonly SilenceView[] }).silences;
  const host = { scope: 'host host-a', hours: '2', why: nasty };

  test('an incident leads to its forms', async () => {
    assert.match(await page('/'), new RegExp(`href="/silences\\?incident=${id}"`));
    const forms = await page(`/silences?incident=${id}`);
    assert.match(forms, new RegExp(`action="/incidents/${id}/acknowledge"`));
    const offered = [...forms.matchAll(/<option value="([a-z][^"]*)"/g)].map(([, value]) => value);
    assert.deepEqual(offered, ['host host-a', `decky host-a/${escaped}`, 'cause deckies_down', 'everything']);
    assert.match(await page('/silences?incident=nasty'), /is not open any more/);
  });

  test('without a login nothing can be changed, and the page says how', async () => {
    for (const path of ['/', '/silences', `/silences?incident=${id}`])
      assert.doesNotMatch(
        await page(path, readOnly),
        /method="post"[^>]*acknowledge|<button type="submit">(End|Silence|Ack)/,
      );
    assert.match(await page('/silences', readOnly), /decnet-fleet silence --help/);
    for (const path of ['/silences', '/silences/1/end', `/incidents/${id}/acknowledge`]) {
      assert.equal((await ask(readOnly.url + path, { method: 'POST' })).status, 403, path);
      assert.equal((await form(path, host, {})).status, 401, path);
      for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }])
        assert.equal((await form(path, host, { ...login, ...headers })).status, 403, path);
    }
    assert.deepEqual(await silences('?all=true'), []);
  });

  test('a form silences, and a button ends it', async () => {
    const added = await form('/silences', { ...host, every: 'daily 00:00-24:00' });
    assert.deepEqual([added.status, added.headers.location], [303, '/silences']);
    const [one] = await silences();
    assert.deepEqual(
      [one?.scope, one?.host_uuid, one?.every, one?.by, one?.why],
      ['host', 'host-a', 'daily 00:00-24:00', 'ops', nasty],
    );
    const isListed = new Ajv2020().compile(
      JSON.parse(readFileSync(join(packageRoot, 'docs/schemas/silences.schema.json'), 'utf8')),
    );
    assert.ok(isListed({ silences: [one] }), JSON.stringify(isListed.errors));
    for (const path of ['/', '/silences']) {
      const shown = await page(path);
      assert.ok(shown.includes(`by ops: ${escaped}`), path);
      assert.match(shown, new RegExp(`action="/silences/${one?.id}/end"`));
    }
    assert.match(await page('/metrics'), /^decnet_fleet_silences 1$/m);
    const ended = await form(`/silences/${one?.id}/end`, {});
    assert.deepEqual([ended.status, ended.headers.location], [303, '/silences']);
    assert.deepEqual(await silences(), []);
    assert.deepEqual(
      (await silences('?all=true')).map(({ ended_by }) => ended_by),
      ['ops'],
    );
    assert.match(await page('/silences'), /Nothing is silenced/);
  });

  test('a form acknowledges, and a button takes it back', async () => {
    const acknowledged = async () => {
      const { incidents } = JSON.parse(await page('/api/incidents')) as {
        incidents: readonly IncidentView[];
      };
      return incidents[0]?.acknowledged ?? null;
    };
    const done = await form(`/incidents/${id}/acknowledge`, { why: nasty });
    assert.deepEqual([done.status, done.headers.location], [303, '/']);
    const found = await acknowledged();
    assert.deepEqual([found?.by, found?.why], ['ops', nasty]);
    assert.ok((await page('/')).includes(`acknowledged by ops: ${escaped}`));
    assert.equal((await form(`/incidents/${id}/unacknowledge`, {})).status, 303);
    assert.equal(await acknowledged(), null);
  });

  test('in a browser: from the incident to its silence and back', { skip: noBrowser }, async () => {
    const tab = await guarded.openPage();
    await tab.goto(`${guarded.url}/`);
    await tab.click('text=Acknowledge or silence');
    await tab.fill('form[action$="/acknowledge"] input[name=why]', 'new image');
    await tab.click('button:has-text("Acknowledge")');
    await tab.waitForSelector('text=acknowledged by ops: new image');
    await tab.click('text=Acknowledge or silence');
    await tab.click('button:has-text("Take the acknowledgement back")');
    await tab.waitForSelector('text=Acknowledge or silence');
    assert.doesNotMatch(await tab.innerText('main'), /acknowledged by/);
    await tab.click('text=Acknowledge or silence');
    await tab.fill('form[action="/silences"] input[name=why]', 'kernel update');
    await tab.click('form[action="/silences"] button');
    await tab.waitForSelector('text=/host host-a until .*, by ops: kernel update/');
    await tab.click('button:has-text("End silence")');
    await tab.waitForSelector('text=Nothing is silenced.');
  });

  for (const [what, path, fields, status, words] of [
    ['no reason', '/silences', { ...host, why: ' ' }, 400, /Say why: the text is empty/],
    ['a long reason', '/silences', { ...host, why: 'x'.repeat(501) }, 400, /is too long/],
    ['no scope', '/silences', { ...host, scope: 'planet' }, 400, /what is silenced/],
    ['no time', '/silences', { ...host, hours: '99999' }, 400, /for how long/],
    ['no window', '/silences', { ...host, every: 'mno 1:00-2:00' }, 400, /Did you mean mon\?/],
    ['nothing', '/silences', {}, 400, /what is silenced/],
    ['no such silence', '/silences/99/end', {}, 404, /Silence 99 is over, or there never was one/],
    ['no number', `/silences/${encodeURIComponent(nasty)}/end`, {}, 404, /No such silence/],
    ['no such incident', '/incidents/none/acknowledge', { why: 'x' }, 404, /Incident none is not open/],
    ['not acknowledged', `/incidents/${id}/unacknowledge`, {}, 404, /was not acknowledged/],
  ] as const)
    test(`${what} is refused with ${status}`, async () => {
      const answer = await form(path, fields);
      assert.equal(answer.status, status, answer.body);
      assert.match(answer.body, words);
      assert.doesNotMatch(answer.body, /<img src=x/);
      assert.deepEqual(await silences(), []);
    });
});
