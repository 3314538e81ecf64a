import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { problemsOf } from '../harness/axe.ts';
import { noBrowser } from '../harness/browser.ts';
import { type OwnDashboard, ownDashboard } from '../harness/dashboard.ts';
import { smallFleet } from '../harness/small-fleet.ts';

const credentials = { user: 'ops', password: 'secret-of-ops' };
const pages = [
  '/',
  '/?view=map&q=state%3Afailed',
  '/?q=state%3Afaild',
  '/hosts?q=service%3Assh',
  '/hosts/host-a',
  '/deckies/host-a/decky-1',
  '/history?q=state%3Afailed',
  '/availability?over=week',
  '/silences?incident=deckies_down-0123456789abcdef',
  '/no-such-page',
] as const;

describe('each page, light and dark, at 200 % and at 360 pixels', { skip: noBrowser }, () => {
  let dashboard: OwnDashboard;
  let page: Page;
  before(async () => {
    dashboard = await ownDashboard({ rows: smallFleet, credentials });
    page = await dashboard.openPage({ reducedMotion: 'reduce' });
  });
  after(() => dashboard?.close());

  for (const path of pages)
    test(`${path}: no serious accessibility problem, no horizontal scrolling`, async () => {
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        // At 200 % a screen of 1280 is half as wide.
        for (const width of [640, 360]) {
          await page.setViewportSize({ width, height: 800 });
          await page.goto(dashboard.url + path);
          await page.waitForSelector('html.script');
          // What is folded is a part of the page, too.
          await page.evaluate(`for (const one of document.querySelectorAll('details')) one.open = true`);
          assert.deepEqual(await problemsOf(page), [], `${path}, ${colorScheme}, ${width}`);
        }
      }
    });

  test('the list of keys', async () => {
    await page.setViewportSize({ width: 360, height: 800 });
    await page.goto(dashboard.url);
    await page.waitForSelector('#stream[data-state=live]');
    await page.keyboard.press('?');
    await page.waitForSelector('#keys[open]');
    assert.deepEqual(await problemsOf(page), []);
  });
});
