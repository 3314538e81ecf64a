import type { App } from '../../app/app.ts';
import { undeclaredCounts, undeclaredWords } from '../../fleet/words.ts';
import { type Finding, note, ok } from './finding.ts';
import { removalText } from './undeclared.ts';

const namedAtMost = 5;

/** Lists the deckies that run on this host though nobody declares them. A database that does not answer is reported by its own check. */
export async function checkUndeclared(app: App): Promise<Finding> {
  const { host } = app.config;
  try {
    const [found] = await (await app.report()).hosts(host);
    const all = found?.undeclared ?? [];
    if (found === undefined || found.last_full_pass_at === null)
      return note(`unknown: host ${host} has no full pass yet`);
    if (all.length === 0) return ok(`the file or the table has every decky of host ${host}`);
    const named = all.slice(0, namedAtMost).map((one) => `${one.name}: ${removalText(one)}`);
    const more = all.length - named.length;
    const meanings = (['running', 'leftover'] as const)
      .filter((kind) => all.some((one) => one.kind === kind))
      .map((kind) => undeclaredWords[kind].meaning);
    return note(
      `${undeclaredCounts(all).join(', ')} on host ${host}. ${meanings.join(' ')} To remove them: ${named.join('; ')}${
        more > 0 ? `; and ${more} more (\`decnet-fleet status\`)` : ''
      }`,
    );
  } catch {
    return note('unknown: the database does not answer');
  }
}
