/**
 * A number of JSON that a number of JavaScript would change: `750727362669608961`, `1e400`, or `1.0`, which would become
 * `1`. PostgreSQL's jsonb keeps them all.
 */
export class ExactNumber {
  /** As it was read. */
  readonly text: string;
  /** The same text for the same number: as jsonb keeps it, which knows the digits after the point and no exponent. */
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

/** `0.0` stands in each decky of a file of DECNET's: such short ones are made once. */
const shortOnes = new Map<string, number | ExactNumber>();
const short = { length: 6, most: 1000 };

/** The number that a literal of JSON is: one of JavaScript where jsonb would keep the same of that. */
export function exactly(literal: string): number | ExactNumber {
  if (literal.length > short.length) return made(literal);
  const known = shortOnes.get(literal);
  if (known !== undefined) return known;
  const number = made(literal);
  if (shortOnes.size < short.most) shortOnes.set(literal, number);
  return number;
}

function made(literal: string): number | ExactNumber {
  const number = Number(literal);
  const usual = String(number);
  if (usual === literal) return number;
  const kept = keptOf(literal);
  return Number.isFinite(number) && kept === keptOf(usual) ? number : new ExactNumber(literal, kept);
}

/** What jsonb keeps of a number, to be compared; it is never longer than the literal and a few signs more. */
function keptOf(literal: string): string {
  const { sign, digits, lowest, scale } = partsOf(literal);
  return digits === '' ? `0/${scale}` : `${sign}${digits}e${lowest}/${scale}`;
}

/**
 * How long a number is where jsonb writes it, which knows no exponent: `1e300` is 301 digits.
 * @returns digits before and after the point
 */
export function writtenDigits(number: number | ExactNumber): { whole: number; scale: number } {
  const { digits, lowest, scale } = partsOf(typeof number === 'number' ? String(number) : number.text);
  return { whole: Math.max(1, digits === '' ? 0 : digits.length + lowest), scale };
}

/** @returns digits: without zeros at either end; lowest: the power of ten of the last of them; scale: digits after the point */
function partsOf(literal: string): { sign: string; digits: string; lowest: number; scale: number } {
  const sign = literal.startsWith('-') ? '-' : '';
  const [mantissa = '', exponent = '0'] = literal.slice(sign.length).split(/e/i);
  const [whole = '', fraction = ''] = mantissa.split('.');
  const all = whole + fraction;
  const last = Number(exponent) - fraction.length;
  // Counted by hand: an expression for zeros at the end would begin anew at each of them.
  let [from, to] = [0, all.length];
  while (from < to && all[from] === '0') from += 1;
  while (to > from && all[to - 1] === '0') to -= 1;
  return { sign, digits: all.slice(from, to), lowest: last + all.length - to, scale: Math.max(0, -last) };
}
