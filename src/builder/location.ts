import { FleetError } from '../lib/errors.ts';

/** A location in an INI file. */
export interface Location {
  /** The file's path, or the name of the text. */
  readonly file: string;
  /** From 1; null: the file as a whole. */
  readonly line: number | null;
  readonly section?: string;
  readonly key?: string;
}

/** A problem that is accepted because DECNET accepts it. */
export interface Warning {
  readonly kind: 'duplicate-name' | 'address' | 'subsection' | 'empty';
  readonly at: Location;
  readonly what: string;
}

/** `FILE:LINE: [SECTION] KEY: what is wrong`, always one line. */
export const located = (at: Location, what: string): string =>
  [
    at.line === null ? `${at.file}:` : `${at.file}:${at.line}:`,
    ...(at.section === undefined ? [] : [`[${oneLine(at.section)}]${at.key === undefined ? ':' : ''}`]),
    ...(at.key === undefined ? [] : [`${oneLine(at.key)}:`]),
    what,
  ].join(' ');

export const iniInvalid = (at: Location, what: string, advice?: string): FleetError =>
  new FleetError('FLEET_INVALID', located(at, what), advice === undefined ? {} : { advice });

/** An error in the options of `build`, not in an INI file. */
export const fleetInvalid = (what: string, advice?: string): FleetError =>
  new FleetError('FLEET_INVALID', what, advice === undefined ? {} : { advice });

/** A text of the file for a message: quoted, shortened, and with control characters escaped. */
export const shown = (text: string): string => `"${oneLine(text)}"`;

export const shownList = (texts: readonly string[]): string => {
  const some = texts.slice(0, 8).map(shown);
  return texts.length > some.length
    ? `${some.join(', ')} and ${texts.length - some.length} more`
    : some.join(', ');
};

/** As `shown`, without quotes. */
export function oneLine(text: string): string {
  const short = text.length > 80 ? `${text.slice(0, 77)}…` : text;
  return short.replace(/[\p{C}\u2028\u2029]/gu, (sign) =>
    sign === '\n' ? '\\n' : `\\u{${(sign.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
