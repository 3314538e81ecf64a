import { FleetError } from '../lib/errors.ts';
import { longestReason, printable } from '../lib/text.ts';

/** Characters of the name of who pauses, silences or acknowledges something, and of the reason. */
export const longestWho = 128;
export const longestWhy: number = longestReason;

/** Who does something, as it is kept. @throws FleetError CONFIG_INVALID */
export const givenWho = (text: string): string => given('who does it', text, longestWho);
/** Why, as it is kept. @throws FleetError CONFIG_INVALID */
export const givenWhy = (text: string): string => given('why', text, longestWhy);

function given(what: string, text: string, longest: number): string {
  const found = printable(text.trim());
  if (found === '' || found.length > longest)
    throw new FleetError(
      'CONFIG_INVALID',
      found === '' ? `Say ${what}: the text is empty` : `The text that says ${what} is too long`,
      { advice: `Allowed: 1 to ${longest} characters` },
    );
  return found;
}
