import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root directory of the package. Sources and compiled files are at different depths below it. */
export const packageRoot: string = (() => {
  let at = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(at, 'package.json'))) at = dirname(at);
  return at;
})();

export const version: string = (
  JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }
).version;

/** The path of an example state file with three deckies. */
export const exampleStateFile: string = join(packageRoot, 'examples', 'decnet-state.json');
