import { type Browser, chromium } from 'playwright-core';
import type { Credentials } from '../../src/web/security.ts';
import { basic } from './http.ts';
import { findProgram } from './program.ts';

/** The headless shell is the same engine without the windows, and needs a fifth of the processor time. */
const program = (await findProgram('chromium-headless-shell')) ?? (await findProgram('chromium'));

/** The reason to skip tests with a browser; false: it is available. */
export const noBrowser: string | false =
  program === null ? 'Chromium: there is no chromium on this machine' : false;

/** How long a page may take for one step, though other tests use the processors and the disk: milliseconds. */
const stepWithinMs = 120_000;

/** Debian's Chromium. It has no sandbox as root. */
export async function openBrowser(): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: program ?? 'chromium',
    args: ['--no-sandbox', '--disable-gpu'],
    timeout: stepWithinMs,
  });
  const { newContext } = browser;
  browser.newContext = async (options) => {
    const context = await newContext.call(browser, options);
    context.setDefaultTimeout(stepWithinMs);
    return context;
  };
  return browser;
}

/** The options of a browser that signs each request, as a script does. A person uses the login page. */
export const signing = ({ user, password }: Credentials) => ({
  extraHTTPHeaders: { authorization: basic(user, password) },
});
