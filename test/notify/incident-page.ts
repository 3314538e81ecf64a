import assert from 'node:assert/strict';
import type { Browser } from 'playwright-core';
import type { Env } from '../harness/cli.ts';
import { testDashboard } from '../harness/dashboard.ts';
import { waitFor } from '../harness/wait.ts';

/** The fleet's page in a browser: while it is open, and after it was loaded again. */
export interface IncidentPage {
  /** The incidents show, without others. */
  shows(causes: readonly RegExp[], withinMs: number): Promise<void>;
  /** It says that the database does not answer. */
  isBlind(withinMs: number): Promise<void>;
  close(): Promise<void>;
}

/** An open page says it beside its last data; one that is loaded now says which database. */
const blind = /the database .*does not answer/i;
const lines = '[data-key^="incident "]';

export async function openIncidentPage(browser: Browser, env: Env): Promise<IncidentPage> {
  const dashboard = await testDashboard(env);
  const page = await browser.newPage();
  const close = async (): Promise<void> => {
    await page.close();
    await dashboard.close();
  };
  try {
    await page.goto(dashboard.url);
    await page.getByText('● live').waitFor();
  } catch (error) {
    await close();
    throw error;
  }
  /** Asserts of the page that was open, then of one that is loaded now, which stays open. */
  const twice = async (holds: () => Promise<void>): Promise<void> => {
    await holds();
    await page.reload();
    await holds();
  };
  return {
    shows: (causes, timeout) =>
      twice(async () => {
        for (const cause of causes)
          await page
            .locator(lines, { hasText: cause })
            .first()
            .waitFor({ timeout })
            .catch(async () => assert.fail(`No line ${cause}: ${await page.locator('main').innerText()}`));
        await waitFor(async () => (await page.locator(lines).count()) === causes.length, timeout);
      }),
    isBlind: (timeout) => twice(() => page.getByText(blind).first().waitFor({ timeout })),
    close,
  };
}
