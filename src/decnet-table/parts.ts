import type { DecnetChanges, DecnetRow } from '../pass/decnet-table.ts';
import { type Part, valuesOf } from './session.ts';

/** How long a transaction should hold the table's locks, in milliseconds. It takes longer on a machine that is busy. */
const heldMs = 8;
const fewest = 10;
const max = 1000;
/** Characters of text in one part. */
const maxCharacters = 500_000;

/** How many rows a transaction may change, by how long the last ones took. */
export function partSize() {
  let rows = 100;
  return {
    rows: (): number => rows,
    held: (changed: number, tookMs: number): void => {
      // Few rows say nothing about many.
      if (changed < rows && tookMs < heldMs) return;
      const fits = Math.floor((changed * heldMs) / Math.max(tookMs, 0.1));
      // In small steps: a long part may have waited for the processor.
      const next = Math.min(Math.max(fits, Math.floor(rows / 2)), Math.ceil(1.5 * rows));
      rows = Math.min(max, Math.max(fewest, next));
    },
  };
}

const charactersOf = (row: DecnetRow): number =>
  valuesOf(row).reduce<number>((sum, value) => sum + (value?.length ?? 0), 0);

/**
 * The next changes of at most `rows` rows: deletes first, because the name of an insert may be that of a delete.
 * @param from how many were taken before
 */
export function nextPart(
  { deletes, updates, inserts }: DecnetChanges,
  from: number,
  rows: number,
): { readonly part: Part; readonly to: number; readonly isLast: boolean } {
  const count = deletes.length + updates.length + inserts.length;
  const sizeAt = (at: number): number => {
    const update = updates[at - deletes.length];
    const row = deletes[at] ?? update?.row ?? inserts[at - deletes.length - updates.length];
    return (
      (row === undefined ? 0 : charactersOf(row)) + (update === undefined ? 0 : charactersOf(update.was))
    );
  };
  let to = from;
  for (let left = maxCharacters; to < Math.min(count, from + rows) && left > 0; to++) left -= sizeAt(to);
  const within = <T>(list: readonly T[], begin: number): readonly T[] =>
    list.slice(Math.max(0, from - begin), Math.max(0, to - begin));
  return {
    part: {
      deletes: within(deletes, 0).map(valuesOf),
      updates: within(updates, deletes.length).map(({ was, row }) => ({
        was: valuesOf(was),
        row: valuesOf(row),
      })),
      inserts: within(inserts, deletes.length + updates.length).map(valuesOf),
    },
    to,
    isLast: to >= count,
  };
}
