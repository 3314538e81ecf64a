import type { FleetState } from '../state.ts';
import type { TimedTransition } from './change.ts';

/** @see CONTRACT.md, "Tables", Contested */
export const contestedWindowMs = 10 * 60 * 1000;
const contestedTimes = 3;

/**
 * Finds the rows that another writer changed back three times within ten minutes. If a transition does not start from
 * the state in which our previous one ended, another writer has changed the row in between.
 * @param transitions oldest first; for each row, those within the window and the last one before it
 * @returns name → reason
 */
export function contested(transitions: readonly TimedTransition[], now: number): ReadonlyMap<string, string> {
  const lastTo = new Map<string, FleetState | null>();
  const backs = new Map<string, (FleetState | null)[]>();
  for (const transition of transitions) {
    const before = lastTo.get(transition.name);
    if (before !== undefined && before !== transition.from && now - transition.at <= contestedWindowMs) {
      backs.set(transition.name, [...(backs.get(transition.name) ?? []), transition.from]);
    }
    lastTo.set(transition.name, transition.to);
  }
  return new Map(
    [...backs]
      .filter(([, found]) => found.length >= contestedTimes)
      .map(([name, found]) => {
        const word = found.at(-1) === null ? 'removed it' : `set it to ${found.at(-1)}`;
        // The reason has no exact count, which would change with every write.
        return [name, `another writer ${word} again, ${contestedTimes} times or more within 10 min`];
      }),
  );
}
