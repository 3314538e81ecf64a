import type { Transition } from '../../views/report.ts';

/** Changes of many deckies of one host that one pass wrote for one reason; mostly one change. */
export interface Fold {
  /** The newest. */
  readonly first: Transition;
  readonly names: readonly string[];
}

/** As many equal changes become one line. */
const foldedFrom = 3;

/**
 * Folds what one pass did to many deckies of a host: a host that loses its Docker or its power changes a hundred rows at once.
 * @param transitions newest first
 */
export function folded(transitions: readonly Transition[]): readonly Fold[] {
  const passes: Transition[][] = [];
  for (const one of transitions) {
    const last = passes.at(-1)?.[0];
    if (last !== undefined && passOf(last) === passOf(one)) passes.at(-1)?.push(one);
    else passes.push([one]);
  }
  return passes.flatMap(foldPass);
}

/** Another program may have written a row without a job. */
const passOf = ({ host_uuid, job_id, at }: Transition): string => JSON.stringify([host_uuid, job_id, at]);

function foldPass(transitions: readonly Transition[]): readonly Fold[] {
  const groups = Map.groupBy(transitions, ({ from_state, to_state, reason }) =>
    JSON.stringify([from_state, to_state, reason]),
  );
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    if (group.length < foldedFrom) return group.map((one) => ({ first: one, names: [one.name] }));
    return [{ first, names: group.map(({ name }) => name) }];
  });
}
