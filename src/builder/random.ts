/** Returns the next random number, at least 0 and less than 1. */
export type Random = () => number;

/**
 * A random number generator with a seed; it returns the same numbers on every machine. Not for secrets: Mulberry32 has a state
 * of 32 bits, which is enough for host names.
 * @param seed a whole number
 */
export function seededRandom(seed: number): Random {
  // Use both halves, so that seeds that differ by 2^32 give different numbers.
  let state = (Math.imul(Math.floor(seed / 0x1_0000_0000), 0x9e3779b1) ^ seed) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** Draws a whole number from `from` to `to`, inclusive. */
export const drawNumber = (random: Random, from: number, to: number): number =>
  from + Math.floor(random() * (to - from + 1));

export function drawOne<T>(random: Random, list: readonly T[]): T {
  const drawn = list[drawNumber(random, 0, list.length - 1)];
  if (drawn === undefined) throw new RangeError('the list to draw from is empty');
  return drawn;
}

/** Draws `count` different members, in the order drawn. */
export function drawSome<T>(random: Random, list: readonly T[], count: number): readonly T[] {
  const left = [...list];
  return Array.from({ length: Math.min(count, left.length) }, () => {
    const [drawn] = left.splice(drawNumber(random, 0, left.length - 1), 1);
    return drawn as T;
  });
}
