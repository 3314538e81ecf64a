import { type Browser, chromium } from 'playwright-core';
import type { Credentials } from '../../src/web/security.ts';
import { basic } from './http.ts';
import { findProgram } from './program.ts';

const program = await findProgram('chromium');

/** The reason to skip tests with a browser; false: it is available. */
export const noBrowser: string | false =
  program === null ? 'Chromium: there is no chromium on this machine' : false;

/** Debian's Chromium. It has no sandbox as root. */
export const openBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: program ?? 'chromium', args: ['--no-sandbox', '--disable-gpu'] });

/** The options of a browser that signs each request, as a script does. A person uses the login page. */
export const signing = ({ user, password }: Credentials) => ({
  extraHTTPHeaders: { authorization: basic(user, password) },
});
