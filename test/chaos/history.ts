import type { WalkHost } from './host.ts';
import { judge, type Transition } from './judge.ts';
import type { Ledger } from './ledger.ts';

/** Milliseconds before a transition in which it must have been true: a pass observes, and then waits for the lock. */
const windowsMs = { quiet: 6000, storm: 40_000 };
export const quietWindowMs = windowsMs.quiet;

/** Runs one statement. */
export type WalkQuery = (
  statement: string,
  values?: readonly unknown[],
) => Promise<readonly Record<string, unknown>[]>;

/** Checks the transitions of the hosts as they are written. @param isDisturbed whether faults may affect that time */
export function historyJudge(
  query: WalkQuery,
  hosts: readonly WalkHost[],
  isDisturbed: (at: number) => boolean,
  ledger: Ledger,
) {
  const judged = new Map(
    hosts.map(({ name }) => [name, { id: 0, states: new Map<string, string | null>() }]),
  );
  return {
    /** Transactions of one host never overlap, so its transitions appear in the order of their ids. */
    judgeNew: async (host: WalkHost): Promise<void> => {
      const last = judged.get(host.name);
      if (last === undefined) return;
      const found = await query(
        `select id, name, from_state, to_state, reason, at from fleet_transitions where host_uuid = $1 and id > $2 order by id`,
        [host.name, last.id],
      );
      for (const row of found) {
        const transition: Transition = {
          id: Number(row.id),
          name: String(row.name),
          from: row.from_state as string | null,
          to: row.to_state as string | null,
          reason: row.reason as string | null,
          at: (row.at as Date).getTime(),
        };
        const disturbed = isDisturbed(transition.at);
        const window = {
          from: transition.at - (disturbed ? windowsMs.storm : windowsMs.quiet),
          to: transition.at + 1000,
          disturbed,
        };
        const wrong = judge(transition, last.states.get(transition.name) ?? null, host.facts, window);
        ledger.check(
          `a transition of ${host.name}`,
          wrong === null,
          () => `${wrong}: ${JSON.stringify(transition)}`,
        );
        last.states.set(transition.name, transition.to);
        last.id = transition.id;
      }
    },
    /** The last transition of each decky. */
    states: (host: WalkHost): ReadonlyMap<string, string | null> =>
      judged.get(host.name)?.states ?? new Map(),
  };
}
