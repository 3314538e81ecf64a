import { type Browser, chromium } from 'playwright-core';
import { findProgram } from './program.ts';

const program = await findProgram('chromium');

/** Why there is no browser here; false: there is one. */
export const noBrowser: string | false =
  program === null ? 'Chromium: there is no chromium on this machine' : false;

/** Debian's Chromium. Root has no sandbox. */
export const openBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: program ?? 'chromium', args: ['--no-sandbox', '--disable-gpu'] });
