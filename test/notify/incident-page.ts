import assert from 'node:assert/strict';
import type { Browser, Page } from 'playwright-core';
import type { Env } from '../harness/cli.ts';
import { testDashboard } from '../harness/dashboard.ts';
import { waitFor } from '../harness/wait.ts';

/** The fleet's page: one that is open all the time, and one that is loaded now. */
export interface IncidentPage {
  /** The incidents show on both, without others. */
  shows(causes: readonly RegExp[], withinMs: number): Promise<void>;
  /** Both say that the database does not answer. */
  isBlind(withinMs: number): Promise<void>;
  close(): Promise<void>;
}

/** An open page says it beside its last data; one that is loaded now says which database. */
const blind = /the database .*does not answer/i;
const lines = '[data-key^="incident "]';

export async function openIncidentPage(browser: Browser, env: Env): Promise<IncidentPage> {
  const dashboard = await testDashboard(env);
  const context = await browser.newContext();
  const close = async (): Promise<void> => {
    await context.close();
    await dashboard.close();
  };
  const loaded = async (): Promise<Page> => {
    const page = await context.newPage();
    await page.goto(dashboard.url);
    return page;
  };
  /** Asserts of the open page, then of one that is loaded now. */
  const onBoth = async (holds: (page: Page) => Promise<void>): Promise<void> => {
    await holds(open);
    const fresh = await loaded();
    await holds(fresh);
    await fresh.close();
  };
  let open: Page;
  try {
    open = await loaded();
    await open.getByText('● live').waitFor();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    shows: (causes, timeout) =>
      onBoth(async (page) => {
        for (const cause of causes)
          await page
            .locator(lines, { hasText: cause })
            .first()
            .waitFor({ timeout })
            .catch(async () => assert.fail(`No line ${cause}: ${await page.locator('main').innerText()}`));
        await waitFor(async () => (await page.locator(lines).count()) === causes.length, timeout);
      }),
    isBlind: (timeout) => onBoth((page) => page.getByText(blind).first().waitFor({ timeout })),
    close,
  };
}
