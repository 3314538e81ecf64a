import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import type { JobResult } from '../../src/fleet/job.ts';
import { FleetError } from '../../src/lib/errors.ts';
import type { IncidentView } from '../../src/views/incidents.ts';
import { html } from '../../src/web/html.ts';
import { layout } from '../../src/web/layout.ts';
import { controlPlane } from '../../src/web/pages/control-plane.ts';
import { lastPassesPart } from '../../src/web/pages/passes.ts';
import { noBrowser } from '../harness/browser.ts';
import { type OwnDashboard, ownDashboard } from '../harness/dashboard.ts';
import { smallFleet } from '../harness/small-fleet.ts';

const credentials = { user: 'ops', password: 'secret-of-ops' };

// Faults that the pages once had. Others are in the tests of what they were faults of.

test('a length of time is not called a point in time: "unreachable for 22 min"', () => {
  const since = new Date(Date.now() - 22 * 60_000 - 500).toISOString();
  const open = [{ kind: 'queues_unreachable', since, hosts: 1 } as unknown as IncidentView];
  const text = controlPlane(open, []).text.replaceAll(/<[^>]+>/g, '');
  assert.match(text, /Queues ✖ unreachable for 22 min(?! ago)/);
  assert.doesNotMatch(text, /since|ago/);
});

describe('what a decky’s page says when its host does not answer', () => {
  /** The text of the page, when the worker answers so. */
  const page = async (request: () => Promise<JobResult>): Promise<string> => {
    const dashboard = await ownDashboard({ rows: smallFleet, request });
    try {
      const reply = await fetch(`${dashboard.url}/deckies/host-a/decky-1`);
      return (await reply.text()).replaceAll(/<[^>]+>/g, ' ').replaceAll(/\s+/g, ' ');
    } finally {
      await dashboard.close();
    }
  };
  const count = (text: string, part: string): number => text.split(part).length - 1;

  test('Docker hangs: once, and not that the worker does not answer', async () => {
    const text = await page(async () => ({ docker: 'unreachable', deckies: [] }) as unknown as JobResult);
    assert.equal(count(text, 'Docker does not answer on its host'), 1);
    assert.equal(count(text, 'Its worker does not answer'), 0);
  });

  test('its worker hangs: once, above the columns', async () => {
    const text = await page(async () => {
      throw new FleetError('JOB_TIMED_OUT', 'No worker of host host-a took the job within 4 s');
    });
    assert.equal(count(text, 'Its worker does not answer'), 1);
    assert.ok(text.indexOf('Its worker does not answer') < text.indexOf('Desired'));
  });

  test('its queue is paused: says so and how to resume it, and does not ask for the worker', async () => {
    const text = await page(async () => {
      throw new FleetError('JOB_TIMED_OUT', 'The queue of host host-a is paused: no job ran within 4 s', {
        advice: 'To resume it: decnet-fleet resume host-a',
      });
    });
    assert.match(text, /The queue of host host-a is paused.*decnet-fleet resume host-a/);
    assert.doesNotMatch(text, /worker is running\?|Is its worker running/);
  });
});

describe('in a browser', { skip: noBrowser }, () => {
  let dashboard: OwnDashboard;
  let page: Page;
  before(async () => {
    dashboard = await ownDashboard({ rows: smallFleet, credentials });
    page = await dashboard.openPage({ viewport: { width: 1280, height: 800 } });
  });
  after(() => dashboard?.close());

  test('one long failure leaves the columns of the passes as they are', async () => {
    const widths = async (failure: string): Promise<readonly number[]> => {
      const pass = { cause: 'schedule', durationMs: 12, result: null, only: null };
      const passes = [
        { ...pass, id: '2', at: Date.now(), failure },
        { ...pass, id: '1', at: Date.now() - 30_000, failure: null },
      ];
      const body = html`<h1>host-a</h1>${lastPassesPart('host-a', { passes, leftOut: [] }, true)}`;
      await page.route('**/hosts/host-a', (route) =>
        route.fulfill({
          contentType: 'text/html; charset=utf-8',
          body: layout(
            { title: 'host-a', body },
            { name: null, role: 'act', hasSession: false, hasBoard: true },
          ),
        }),
      );
      await page.goto(`${dashboard.url}/hosts/host-a`);
      await page.unroute('**/hosts/host-a');
      assert.ok(Number(await page.evaluate('document.documentElement.scrollWidth')) <= 1280);
      return (await page.evaluate(
        `[...document.querySelectorAll('table.passes thead th')].map((one) => Math.round(one.getBoundingClientRect().width))`,
      )) as number[];
    };
    const short = await widths('Docker does not answer');
    assert.equal(short.length, 5);
    assert.deepEqual(await widths(`cannot read ${'/var/lib/decnet'.repeat(60)}: no such file`), short);
    assert.deepEqual(await widths(`connect ECONNREFUSED ${'words and more '.repeat(60)}`), short);
  });

  test('Bull Board’s form for a job says that its JSON is broken, until it is corrected', async () => {
    const added: string[] = [];
    page.on('request', (request) => {
      if (request.method() === 'POST') added.push(request.url());
    });
    await page.goto(`${dashboard.url}/hosts/host-a/queue`);
    // The last menu of the page is the queue's, which comes with the queue.
    await page.waitForSelector('text=No workers');
    await page.locator('[aria-haspopup="menu"]').last().click();
    await page.getByText('Add job').click();
    const dialog = page.locator('[role=dialog]');
    await dialog.locator('.cm-content').first().click();
    await page.keyboard.press('Control+A');
    await page.keyboard.press('Delete');
    await page.keyboard.insertText('{"host_uuid": ');
    await dialog.locator('button[type=submit]').click();
    await page.waitForSelector('#not-json');
    assert.match(await page.innerText('#not-json'), /Not saved: .* not valid JSON \(.+\)\. Correct them/);
    assert.deepEqual(added, []);
    // It goes as soon as somebody corrects it.
    await dialog.locator('.cm-content').first().click();
    await page.keyboard.insertText('"host-a"}');
    await page.waitForSelector('#not-json', { state: 'detached' });
  });
});
