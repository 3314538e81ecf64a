import type { FleetState } from '../state.ts';
import type { TimedTransition } from './change.ts';

/** @see CONTRACT.md, "Tables", Contested */
export const contestedWindow = 10 * 60 * 1000;
const contestedTimes = 3;

/**
 * The rows that another writer changed back three times within ten minutes: a transition that does not begin where our
 * last one ended was preceded by somebody else's write.
 * @param transitions oldest first; of each row those of the window and the one before them
 * @returns name → the evidence
 */
export function contested(transitions: readonly TimedTransition[], now: number): ReadonlyMap<string, string> {
  const lastTo = new Map<string, FleetState | null>();
  const backs = new Map<string, (FleetState | null)[]>();
  for (const transition of transitions) {
    const before = lastTo.get(transition.name);
    if (before !== undefined && before !== transition.from && now - transition.at <= contestedWindow) {
      backs.set(transition.name, [...(backs.get(transition.name) ?? []), transition.from]);
    }
    lastTo.set(transition.name, transition.to);
  }
  return new Map(
    [...backs]
      .filter(([, found]) => found.length >= contestedTimes)
      .map(([name, found]) => {
        const word = found.at(-1) === null ? 'removed it' : `set it to ${found.at(-1)}`;
        // No count: it would grow while nothing new is to be said.
        return [name, `another writer ${word} again, ${contestedTimes} times or more within 10 min`];
      }),
  );
}
