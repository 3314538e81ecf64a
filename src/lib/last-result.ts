/**
 * Remembers the last result of a pure function, for long lists whose neighbours are mostly alike.
 * @param of depends only on its argument
 */
export function lastResult<A, R>(of: (argument: A) => R): (argument: A) => R {
  let last: { readonly argument: A; readonly result: R } | null = null;
  return (argument) => {
    if (last === null || last.argument !== argument) last = { argument, result: of(argument) };
    return last.result;
  };
}
