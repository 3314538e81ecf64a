import { FleetError } from '../lib/errors.ts';

/** Where in an INI file something stands. */
export interface Place {
  /** The file's path, or what its text is called. */
  readonly file: string;
  /** From 1; null: the file as a whole. */
  readonly line: number | null;
  readonly section?: string;
  readonly key?: string;
}

/** What is accepted, since upstream accepts it, and does harm all the same. */
export interface Warning {
  readonly kind: 'duplicate-name' | 'address' | 'subsection' | 'empty';
  readonly at: Place;
  readonly what: string;
}

/** `FILE:LINE: [SECTION] KEY: what is wrong`, in one line whatever the file holds. */
export const located = (at: Place, what: string): string =>
  [
    at.line === null ? `${at.file}:` : `${at.file}:${at.line}:`,
    ...(at.section === undefined ? [] : [`[${oneLine(at.section)}]${at.key === undefined ? ':' : ''}`]),
    ...(at.key === undefined ? [] : [`${oneLine(at.key)}:`]),
    what,
  ].join(' ');

export const iniInvalid = (at: Place, what: string, advice?: string): FleetError =>
  new FleetError('FLEET_INVALID', located(at, what), advice === undefined ? {} : { advice });

/** What was asked for beside an INI file makes no fleet. */
export const fleetInvalid = (what: string, advice?: string): FleetError =>
  new FleetError('FLEET_INVALID', what, advice === undefined ? {} : { advice });

/** A text of the file for a message: quoted, short, and without characters that move a terminal's cursor. */
export const shown = (text: string): string => `"${oneLine(text)}"`;

export const shownList = (texts: readonly string[]): string => {
  const some = texts.slice(0, 8).map(shown);
  return texts.length > some.length
    ? `${some.join(', ')} and ${texts.length - some.length} more`
    : some.join(', ');
};

/** A text of the file for a message, unquoted. */
export function oneLine(text: string): string {
  const short = text.length > 80 ? `${text.slice(0, 77)}…` : text;
  return short.replace(/[\p{C}\u2028\u2029]/gu, (sign) =>
    sign === '\n' ? '\\n' : `\\u{${(sign.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
