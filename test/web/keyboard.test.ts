import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { noBrowser } from '../harness/browser.ts';
import { type OwnDashboard, ownDashboard } from '../harness/dashboard.ts';
import { smallFleet } from '../harness/small-fleet.ts';
import { waitFor } from '../harness/wait.ts';

const credentials = { user: 'ops', password: 'secret-of-ops' };

describe('the pages by keyboard alone', { skip: noBrowser }, () => {
  let dashboard: OwnDashboard;
  let page: Page;
  before(async () => {
    dashboard = await ownDashboard({ rows: smallFleet, credentials });
    page = await dashboard.openPage();
    page.setDefaultTimeout(20_000);
  });
  after(() => dashboard?.close());

  const press = async (...keys: string[]): Promise<void> => {
    for (const key of keys) await page.keyboard.press(key);
  };
  const live = (): Promise<unknown> => page.waitForSelector('#stream[data-state=live]');
  /** What has the focus: its id, its name or its text; and whether a reader can see that it has. */
  const focus = async (): Promise<string> => {
    const [name, isSeen] = (await page.evaluate(`(() => {
      const it = document.activeElement;
      // Behind the last stop is the browser's own bar.
      if (it === document.body) return ['', true];
      const { outlineStyle, outlineWidth } = getComputedStyle(it);
      return [it.id || it.getAttribute('aria-label') || it.name || it.textContent.trim(), outlineStyle !== 'none' && outlineWidth !== '0px'];
    })()`)) as [string, boolean];
    assert.ok(isSeen || name === 'main' || name === '', `the focus is not visible on ${name.slice(0, 80)}`);
    return name;
  };
  /** Presses Tab until this has the focus. */
  const tabTo = async (wanted: RegExp): Promise<string> => {
    for (let at = 0; at < 80; at += 1) {
      await press('Tab');
      const here = await focus();
      if (wanted.test(here)) return here;
    }
    throw new Error(`Tab does not lead to ${wanted}`);
  };
  const open = async (): Promise<void> => {
    await page.goto(dashboard.url);
    await live();
  };

  test('from the top: the skip link, the theme and the times', async () => {
    await open();
    await press('Tab');
    assert.equal(await focus(), 'Skip to the content');
    await press('Enter');
    assert.equal(await focus(), 'main');
    await page.reload();
    await live();
    await tabTo(/^times$/);
    await press('Enter');
    assert.match(await page.innerText('.tile .facts time, .trouble time'), /^\d{4}-/);
    await press('Enter');
    await tabTo(/^theme$/);
    await press('Space');
    assert.equal(await page.getAttribute('html', 'data-theme'), 'light');
    await press('Space');
    assert.equal(await page.getAttribute('html', 'data-theme'), 'dark');
  });

  test('? opens the list of keys, Escape closes it and the focus is back', async () => {
    await open();
    await tabTo(/^Hosts$/);
    await press('?');
    assert.ok(await page.isVisible('#keys'));
    // The focus stays inside, and its keys do nothing elsewhere.
    await press('Tab', 'Tab', 'Tab', '/');
    assert.ok(
      await page.evaluate(
        `document.querySelector('#keys').contains(document.activeElement) || document.activeElement === document.body`,
      ),
    );
    await press('Escape');
    assert.ok(!(await page.isVisible('#keys')));
    assert.equal(await focus(), 'Hosts');
  });

  test('an incident is acknowledged, and the page is back', async () => {
    await open();
    await tabTo(/^Acknowledge or silence$/);
    await press('Enter');
    await page.waitForURL('**/silences?incident=*');
    await tabTo(/^why$/);
    await page.keyboard.type('is being repaired');
    await press('Enter');
    await waitFor(async () => /is being repaired/.test(await page.innerText('main')));
    await press('g', 'f');
    await page.waitForURL(`${dashboard.url}/`);
    assert.match(await page.innerText('#incidents'), /is being repaired/);
  });

  test('an incident leads to a list of its deckies', async () => {
    await open();
    await tabTo(/^Show in a list$/);
    await press('Enter');
    await page.waitForURL('**/?q=*');
    assert.equal(new URL(page.url()).searchParams.get('q'), 'host:host-a,host-b state:failed');
    assert.equal(await page.locator('table.deckies tbody tr').count(), 2);
  });

  test('the map: a cell, its decky, its host, and back', async () => {
    await open();
    await tabTo(/^host-a$/);
    await press('ArrowRight');
    assert.equal(await focus(), 'decky-1 failed');
    await press('Enter');
    await page.waitForURL('**/deckies/host-a/decky-1');
    await tabTo(/^host-a$/);
    await press('Enter');
    await page.waitForURL('**/hosts/host-a');
    // The browser's own keys, which a browser without a window does not have.
    await page.goBack();
    await page.waitForURL('**/deckies/host-a/decky-1');
    await page.goBack();
    await page.waitForURL(`${dashboard.url}/`);
  });

  test('a search, its help, the selects, and the rows', async () => {
    await open();
    await press('/');
    assert.equal(await focus(), 'q');
    await page.keyboard.type('state:failed');
    await waitFor(async () => (await page.locator('table.deckies tbody tr').count()) === 2);
    await press('Enter');
    await waitFor(async () => (await focus()) === 'host-a');
    await press('j');
    assert.equal(await focus(), 'decky-1');
    // While a row has the focus a search may still begin.
    await press('/');
    assert.equal(await focus(), 'q');
    await tabTo(/^host$/);
    await page.keyboard.type('host-b');
    await waitFor(async () => (await page.locator('table.deckies tbody tr').count()) === 1);
    assert.equal(new URL(page.url()).search, '?q=state%3Afailed&host=host-b');
    await tabTo(/^How to filter$/);
    await press('Enter');
    assert.ok(await page.isVisible('.filter-help dl'));
  });

  test('the band of the day leads to what changed, and the history is filtered', async () => {
    await open();
    await tabTo(/\d\d:\d\d UTC: /);
    await press('ArrowLeft');
    assert.match(await focus(), /\d\d:\d\d UTC: /);
    await press('Enter');
    await page.waitForURL('**/history?since=*');
    await press('g', 'y');
    await page.waitForURL('**/history');
    await live();
    await press('/');
    await page.keyboard.type('state:failed host:host-b');
    await waitFor(async () => (await page.locator('table.history tbody tr').count()) === 1);
    await press('Enter');
    await waitFor(async () => (await focus()) === 'decky-1');
    await press('Enter');
    await page.waitForURL('**/deckies/host-b/decky-1');
  });

  test('each page has a key', async () => {
    await open();
    for (const [key, path] of [
      ['h', '/hosts'],
      ['a', '/availability'],
      ['y', '/history'],
      ['f', '/'],
    ] as const) {
      await press('g', key);
      await page.waitForURL(dashboard.url + path);
      await live();
    }
  });
});
