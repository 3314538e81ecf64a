import type { FleetState } from '../state.ts';

/** One line of `fleet_transitions`. `at`: epoch milliseconds. */
export interface Move {
  readonly name: string;
  readonly from: FleetState | null;
  readonly to: FleetState | null;
  readonly at: number;
}

/** @see CONTRACT.md, "Tables", Contested */
export const contestedWindow = 10 * 60 * 1000;
const contestedTimes = 3;

/**
 * The rows that another writer changed back three times within ten minutes: a move that does not begin where our
 * last one ended was preceded by somebody else's write.
 * @param moves oldest first; of each row those of the window and the one before them
 * @returns name → the evidence
 */
export function contested(moves: readonly Move[], now: number): ReadonlyMap<string, string> {
  const lastTo = new Map<string, FleetState | null>();
  const backs = new Map<string, (FleetState | null)[]>();
  for (const move of moves) {
    const before = lastTo.get(move.name);
    if (before !== undefined && before !== move.from && now - move.at <= contestedWindow) {
      backs.set(move.name, [...(backs.get(move.name) ?? []), move.from]);
    }
    lastTo.set(move.name, move.to);
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
