import type { Change, Transition } from '../plan/change.ts';
import type { Row } from '../plan/facts.ts';
import type { OurRow } from './content.ts';

/**
 * Our rows after a pass was applied. A change that left no transition, because another program wrote the row in between, was
 * not made; a new reason leaves none.
 * @param atUs when the pass wrote, epoch microseconds
 */
export function rowsAfter(
  recorded: readonly Row[],
  changes: readonly Change[],
  transitions: readonly Pick<Transition, 'name'>[],
  atUs: number,
): readonly OurRow[] {
  if (changes.length === 0) return recorded;
  const written = new Set(transitions.map(({ name }) => name));
  const made = new Map(
    changes
      .filter(({ name, action }) => action === 'reason' || written.has(name))
      .map((change) => [change.name, change]),
  );
  const kept = recorded.flatMap((row): readonly OurRow[] => {
    const change = made.get(row.name);
    return change === undefined ? [row] : rowAfter(row, change, atUs);
  });
  const inserted = [...made.values()].filter(({ action }) => action === 'insert');
  return [...kept, ...inserted.flatMap((change) => rowAfter(null, change, atUs))];
}

function rowAfter(before: Row | null, change: Change, atUs: number): readonly OurRow[] {
  const { name, from, to, lastError, observed } = change;
  if (to === null) return [];
  const content = change.content ?? before;
  if (content === null) return [];
  const lastSeenUs = observed && from !== to ? atUs : (before?.lastSeenUs ?? null);
  const { services, config, ip } = content;
  return [{ name, services, config, ip, state: to, lastError, lastSeenUs, updatedUs: atUs }];
}
