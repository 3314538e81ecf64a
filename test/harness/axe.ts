import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** The serious accessibility problems of a page, and whether it scrolls sideways. */
export async function problemsOf(page: Page): Promise<readonly string[]> {
  // The page's policy blocks other scripts, so this one is injected by the debugger.
  await page.evaluate(axe);
  const violations = (await page.evaluate(
    `axe.run({ resultTypes: ['violations'] }).then(({ violations }) => violations
       .filter(({ impact }) => impact === 'serious' || impact === 'critical')
       .map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' ').slice(0, 300)))`,
  )) as string[];
  const [wide, width] = (await page.evaluate(
    '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
  )) as [number, number];
  return wide > width ? [...violations, `it is ${wide} pixels wide on a screen of ${width}`] : violations;
}
