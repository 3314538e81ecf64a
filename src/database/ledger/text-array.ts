import { isPause, type Steps } from '../../lib/steps.ts';

/** Of `text` in every PostgreSQL's catalogue. */
const textOid = 25;
/** Dimensions, a flag, the type of the elements, and of the one dimension its length and first index; 4 bytes each. */
const headerLength = 20;
const isNull = -1;

/**
 * A `text[]` in the binary form in which PostgreSQL receives it. As text, each quote in it would be escaped here and
 * unescaped there, which takes longer than all the rest of an insert.
 * @see PostgreSQL, `array_recv` in src/backend/utils/adt/arrayfuncs.c
 */
export function* textArrayInSteps(values: readonly (string | null)[]): Steps<Buffer> {
  let length = headerLength;
  for (const [at, value] of values.entries()) {
    if (isPause(at)) yield;
    length += 4 + (value === null ? 0 : Buffer.byteLength(value));
  }
  const bytes = Buffer.allocUnsafe(length);
  let end = 0;
  for (const field of [1, Number(values.includes(null)), textOid, values.length, 1])
    end = bytes.writeInt32BE(field, end);
  for (const [at, value] of values.entries()) {
    if (isPause(at)) yield;
    const written = value === null ? isNull : bytes.write(value, end + 4);
    bytes.writeInt32BE(written, end);
    end += 4 + Math.max(0, written);
  }
  return bytes;
}
