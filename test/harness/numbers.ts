import { fc } from './property.ts';

const digits = (max: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: max });
const whole = fc.oneof(
  fc.constant('0'),
  fc
    .tuple(fc.integer({ min: 1, max: 9 }), fc.string({ unit: fc.constantFrom(...'0159'), maxLength: 24 }))
    .map(([first, rest]) => `${first}${rest}`),
);
const exponent = fc
  .tuple(fc.constantFrom('e', 'E'), fc.constantFrom('', '+', '-'), fc.integer({ min: 0, max: 420 }))
  .map((parts) => parts.join(''));
const oneIn = (often: number, part: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.oneof({ arbitrary: fc.constant(''), weight: often }, part);

/** Any number in any JSON notation. */
export const numberText = fc.oneof(
  fc
    .tuple(
      oneIn(2, fc.constant('-')),
      whole,
      oneIn(
        1,
        digits(22).map((text) => `.${text}`),
      ),
      oneIn(3, exponent),
    )
    .map((parts) => parts.join('')),
  fc.constantFrom(
    '0.0',
    '-0',
    '-0.0',
    '1.0',
    '1',
    '750727362669608961',
    '1e400',
    '1E-7',
    '1.50',
    '0e5',
    '0e-5',
  ),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => JSON.stringify(number)),
);
