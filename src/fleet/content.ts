import type { Decky } from './decky.ts';
import { equalJson, type Json, type JsonObject, property } from './json.ts';

/** Times that upstream rewrites often: they ride along with other changes. @see CONTRACT.md, rule 5 */
const timeOnly: ReadonlySet<string> = new Set(['last_mutated', 'last_login_attempt']);

/** The part of a row that the file decides. */
export interface Content {
  readonly ip: string | null;
  readonly services: readonly Json[];
  readonly config: JsonObject | null;
}

/** The names of what differs, sorted; empty: the row says what the file says. */
export function contentChanges(recorded: Content, desired: Decky): readonly string[] {
  const changed = new Set<string>();
  const before: JsonObject = recorded.config ?? {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(desired.config)])) {
    if (!timeOnly.has(key) && !equalJson(property(before, key), property(desired.config, key)))
      changed.add(key);
  }
  if (recorded.ip !== desired.ip) changed.add('ip');
  if (!equalJson(recorded.services, desired.services)) changed.add('services');
  return [...changed].sort();
}
