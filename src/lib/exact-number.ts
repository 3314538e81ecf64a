/**
 * A JSON number that JavaScript's number type cannot keep exactly: `750727362669608961`, `1e400`, or `1.0`, which would become
 * `1`. PostgreSQL's jsonb keeps them.
 */
export class ExactNumber {
  /** The literal as it was read. */
  readonly text: string;
  /** A canonical form, equal for numbers that jsonb stores equally. jsonb keeps the number of fraction digits, but no exponent. */
  readonly kept: string;

  constructor(text: string, kept: string) {
    this.text = text;
    this.kept = kept;
  }

  toJSON(): unknown {
    return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(this.text);
  }
}

export const isExact = (value: unknown): value is ExactNumber => value instanceof ExactNumber;

/** A cache of short numbers: each decky in DECNET's files contains `0.0`. */
const shortOnes = new Map<string, number | ExactNumber>();
const short = { length: 6, max: 1000 };

/** Parses a JSON number. The result is a JavaScript number if jsonb would store that equally. */
export function exactly(literal: string): number | ExactNumber {
  if (literal.length > short.length) return made(literal);
  const known = shortOnes.get(literal);
  if (known !== undefined) return known;
  const number = made(literal);
  if (shortOnes.size < short.max) shortOnes.set(literal, number);
  return number;
}

function made(literal: string): number | ExactNumber {
  const number = Number(literal);
  const usual = String(number);
  if (usual === literal) return number;
  const kept = keptOf(literal);
  return Number.isFinite(number) && kept === keptOf(usual) ? number : new ExactNumber(literal, kept);
}

/** The canonical form of a literal; at most a few characters longer than the literal. */
function keptOf(literal: string): string {
  const { sign, digits, lowest, scale } = partsOf(literal);
  return digits === '' ? `0/${scale}` : `${sign}${digits}e${lowest}/${scale}`;
}

/**
 * The length of a number as jsonb writes it, without an exponent: `1e300` has 301 digits.
 * @returns the number of digits before and after the point
 */
export function writtenDigits(number: number | ExactNumber): { whole: number; scale: number } {
  const { digits, lowest, scale } = partsOf(typeof number === 'number' ? String(number) : number.text);
  return { whole: Math.max(1, digits === '' ? 0 : digits.length + lowest), scale };
}

/** @returns digits: without leading and trailing zeros; lowest: the power of ten of the last one; scale: the number of fraction digits */
function partsOf(literal: string): { sign: string; digits: string; lowest: number; scale: number } {
  const sign = literal.startsWith('-') ? '-' : '';
  const [mantissa = '', exponent = '0'] = literal.slice(sign.length).split(/e/i);
  const [whole = '', fraction = ''] = mantissa.split('.');
  const all = whole + fraction;
  const last = Number(exponent) - fraction.length;
  // Not by a regular expression: for trailing zeros it takes quadratic time.
  let [from, to] = [0, all.length];
  while (from < to && all[from] === '0') from += 1;
  while (to > from && all[to - 1] === '0') to -= 1;
  return { sign, digits: all.slice(from, to), lowest: last + all.length - to, scale: Math.max(0, -last) };
}
