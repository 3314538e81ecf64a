/** The known word that a mistyped one is closest to, ignoring case; null: none is close. */
export function nearest(word: string, known: readonly string[]): string | null {
  // A longer word is no typing error, and its distance would take long.
  if (word.length > longest) return null;
  let best: { word: string; distance: number } | null = null;
  for (const one of known) {
    const distance = distanceOf(word.toLowerCase(), one.toLowerCase());
    const isClose = distance <= Math.min(3, Math.floor(Math.max(word.length, one.length) * 0.4));
    if (isClose && (best === null || distance < best.distance)) best = { word: one, distance };
  }
  return best?.word ?? null;
}

/** `Did you mean running? `, for the begin of an advice, or nothing. */
export function didYouMean(word: string, known: readonly string[]): string {
  const found = nearest(word, known);
  return found === null ? '' : `Did you mean ${found}? `;
}

const longest = 64; // characters

/** How many letters to insert, remove, replace or swap with their neighbour. */
function distanceOf(one: string, other: string): number {
  let beforeLast: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let i = 1; i <= one.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const isSame = one[i - 1] === other[j - 1];
      const isSwap = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      row.push(
        Math.min(
          (last[j] ?? 0) + 1,
          (row[j - 1] ?? 0) + 1,
          (last[j - 1] ?? 0) + Number(!isSame),
          isSwap ? (beforeLast[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    [beforeLast, last] = [last, row];
  }
  return last[other.length] ?? 0;
}
