import { styleText } from 'node:util';
import type { FleetState } from '../fleet/state.ts';
import { stateStyles, type Tone } from '../fleet/state-styles.ts';
import { ageOf } from '../lib/age.ts';
import { escapedJson, printable } from '../lib/text.ts';

export {
  countOf,
  startAgain,
  stoppedBy,
  undeclaredCounts,
  unseen,
  withMeaning,
} from '../fleet/words.ts';

/** The capabilities of the output. */
export interface Screen {
  readonly colour: boolean;
  /** Glyphs beyond ASCII. */
  readonly unicode: boolean;
  readonly glyphs: boolean;
  /** Columns; null: not a terminal, so lines are not wrapped. */
  readonly width: number | null;
}

export function screenOf(
  stream: { isTTY?: boolean; columns?: number },
  env: Readonly<Record<string, string | undefined>>,
): Screen {
  const terminal = stream.isTTY === true;
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
  return {
    colour: terminal && !env.NO_COLOR && env.TERM !== 'dumb',
    unicode: terminal && env.TERM !== 'dumb' && /utf-?8/i.test(locale),
    glyphs: terminal,
    width: terminal ? Math.max(40, stream.columns ?? 80) : null,
  };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const ours = /(\u001b\[[0-9;]{0,20}m|\n)/;

/** Text for the terminal: keeps this program's colours and line breaks, and replaces other control characters with U+FFFD. */
export const onScreen = (text: string): string =>
  text
    .split(ours)
    .map((part, at) => (at % 2 === 1 ? part : printable(part)))
    .join('');

/** A JSON document with all control characters escaped, so that a terminal does not interpret them. */
export const jsonText = (value: unknown): string => escapedJson(JSON.stringify(value, null, 2));

type Style = 'green' | 'yellow' | 'red' | 'cyan' | 'gray' | 'bold';

export const paint = (screen: Screen, style: Style, text: string): string =>
  screen.colour ? styleText(style, text, { validateStream: false }) : text;

const ascii: Readonly<Record<FleetState, string>> = {
  running: '*',
  degraded: '!',
  failed: 'x',
  torn_down: 'o',
  pending: '.',
  tearing_down: '.',
  teardown_failed: 'x',
};
const styles: Readonly<Record<Tone, Style>> = {
  ok: 'green',
  warning: 'yellow',
  alarm: 'red',
  motion: 'cyan',
};

/** A state as glyph, word and colour. A state that is only last known is grey. */
export function stateText(screen: Screen, state: FleetState, lastKnown = false): string {
  const { glyph, tone } = stateStyles[state];
  const sign = screen.glyphs ? `${screen.unicode ? glyph : ascii[state]} ` : '';
  return paint(screen, lastKnown ? 'gray' : styles[tone], `${sign}${state}`);
}

/** `12 s ago`. @param at ISO 8601 */
export const ago = (at: string | null, now = Date.now()): string =>
  at === null ? 'never' : `${ageOf(now - Date.parse(at))} ago`;

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const escapes = /\u001b\[[0-9;]*m/g;
const widthOf = (text: string): number => [...text.replace(escapes, '')].length;

/** The fewest columns of the last cell of a table; with fewer, the table is folded. */
const narrowest = 20;

/**
 * Rows in aligned columns. The last column is wrapped at words when the screen has a width. If it has too few columns for that,
 * the cells of each row follow each other instead.
 * @param indent the text that each line begins with
 */
export function table(screen: Screen, rows: readonly (readonly string[])[], indent = ''): string {
  const columns = rows.reduce((max, row) => Math.max(max, row.length), 0);
  const widths = Array.from({ length: columns }, (_, at) =>
    rows.reduce((widest, row) => Math.max(widest, widthOf(row[at] ?? '')), 0),
  );
  const lead = indent.length + widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 0);
  const last = widths.at(-1) ?? 0;
  if (screen.width !== null && lead + Math.min(last, narrowest) > screen.width)
    return rows.map((row) => folded(row, screen.width ?? 0, indent)).join('\n');
  return rows
    .map((row) => {
      const cells = row.slice(0, -1).map((cell, at) => cell + ' '.repeat((widths[at] ?? 0) - widthOf(cell)));
      const text = row.length === columns ? wrap(row.at(-1) ?? '', screen.width, lead) : (row.at(-1) ?? '');
      return `${indent}${[...cells, text].join('  ')}`.trimEnd();
    })
    .join('\n');
}

/** The cells of a row one after the other, on as many lines as they need; all but the first are indented further. */
function folded(row: readonly string[], width: number, indent: string): string {
  const further = `${indent}    `;
  const lines: string[] = [];
  let line = indent;
  for (const cell of row.filter((text) => text !== '')) {
    const isFirst = line.trim() === '';
    if (!isFirst && widthOf(line) + 2 + widthOf(cell) > width) {
      lines.push(line);
      line = further + wrap(cell, width, further.length);
    } else line += isFirst ? wrap(cell, width, further.length) : `  ${cell}`;
  }
  return [...lines, line].join('\n');
}

/** Wraps text at words. @param lead the number of columns before the text on each line */
export function wrap(text: string, width: number | null, lead: number): string {
  if (width === null || lead + widthOf(text) <= width) return text;
  const room = Math.max(20, width - lead);
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && widthOf(line) + 1 + widthOf(word) > room) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.join(`\n${' '.repeat(lead)}`);
}
