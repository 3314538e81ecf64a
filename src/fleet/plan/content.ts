import { equalJson, type Json, type JsonObject, property } from '../../lib/json.ts';
import type { Decky } from '../decky.ts';
import type { Desired } from '../desired.ts';

/**
 * Times that DECNET rewrites often. A change of these fields is only written together with another change.
 * @see CONTRACT.md, rule 5
 */
const timeOnly: ReadonlySet<string> = new Set(['last_mutated', 'last_login_attempt']);

/** The part of a row that comes from the file. */
export interface Content {
  readonly ip: string | null;
  readonly services: readonly Json[];
  readonly config: JsonObject | null;
}

/** The sorted names of the fields that differ; empty if the row equals the file. */
export function contentChanges(
  recorded: Content,
  desired: Pick<Decky, 'ip' | 'config'> & { readonly services: readonly Json[] },
): readonly string[] {
  const changed = new Set(configChanges(recorded.config ?? {}, desired.config));
  if (recorded.ip !== desired.ip) changed.add('ip');
  if (!equalJson(recorded.services, desired.services)) changed.add('services');
  return [...changed].sort();
}

function configChanges(before: JsonObject, after: JsonObject): readonly string[] {
  // A ledger returns the file's object if it found the contents equal.
  if (before === after) return [];
  const different = Object.keys(before).filter((key) => !equalJson(before[key], property(after, key)));
  const added = Object.keys(after).filter((key) => !Object.hasOwn(before, key));
  return [...different, ...added].filter((key) => !timeOnly.has(key));
}

/** The deckies of this host that may differ between two readings of the file; null: all of them. */
export function changedDeckies(before: Desired, after: Desired): ReadonlySet<string> | null {
  if (before.kind !== 'declared' || after.kind !== 'declared') return null;
  // A file that declares no decky of this host affects every row.
  if ((before.deckies.size === 0) !== (after.deckies.size === 0)) return null;
  const changed = new Set<string>();
  for (const decky of after.deckies.values()) {
    const was = before.deckies.get(decky.name);
    if (was === undefined || contentChanges(was, decky).length > 0) changed.add(decky.name);
  }
  for (const name of before.deckies.keys()) if (!after.deckies.has(name)) changed.add(name);
  return changed;
}
