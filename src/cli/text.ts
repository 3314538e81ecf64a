import { styleText } from 'node:util';
import type { FleetState } from '../fleet/state.ts';

/** What a terminal can show. */
export interface Screen {
  readonly colour: boolean;
  /** Glyphs beyond ASCII. */
  readonly unicode: boolean;
  readonly glyphs: boolean;
  /** Columns; null: not a terminal, and nothing is cut or wrapped. */
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

type Style = 'green' | 'yellow' | 'red' | 'cyan' | 'gray' | 'bold';

export const paint = (screen: Screen, style: Style, text: string): string =>
  screen.colour ? styleText(style, text, { validateStream: false }) : text;

/** @see UI.md, "Language of states" */
const looks: Readonly<Record<FleetState, { glyph: string; ascii: string; style: Style }>> = {
  running: { glyph: '●', ascii: '*', style: 'green' },
  degraded: { glyph: '◐', ascii: '!', style: 'yellow' },
  failed: { glyph: '✖', ascii: 'x', style: 'red' },
  torn_down: { glyph: '○', ascii: 'o', style: 'red' },
  pending: { glyph: '◌', ascii: '.', style: 'cyan' },
  tearing_down: { glyph: '◌', ascii: '.', style: 'cyan' },
  teardown_failed: { glyph: '✖', ascii: 'x', style: 'red' },
};

/** Worst first. */
export const severity: readonly FleetState[] = [
  'failed',
  'teardown_failed',
  'torn_down',
  'degraded',
  'tearing_down',
  'pending',
  'running',
];

/** Glyph, word and colour together; a state that is only last known is muted. */
export function stateText(screen: Screen, state: FleetState, lastKnown = false): string {
  const { glyph, ascii, style } = looks[state];
  const sign = screen.glyphs ? `${screen.unicode ? glyph : ascii} ` : '';
  return paint(screen, lastKnown ? 'gray' : style, `${sign}${state}`);
}

const deckies = (count: number): string =>
  `${count.toLocaleString('en')} ${count === 1 ? 'decky' : 'deckies'}`;
export const countOf = (count: number, one: 'decky' | string): string =>
  one === 'decky' ? deckies(count) : `${count.toLocaleString('en')} ${one}${count === 1 ? '' : 's'}`;

/** `12 s ago`. @param at ISO 8601 */
export const ago = (at: string | null, now = Date.now()): string =>
  at === null ? 'never' : `${ageOf(now - Date.parse(at))} ago`;

/** @param ms milliseconds */
export function ageOf(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

const known: ReadonlyMap<string, string> = new Map([
  ['126', 'command not executable'],
  ['127', 'command not found'],
  ['130', 'interrupted'],
  ['134', 'aborted'],
  ['137', 'killed'],
  ['139', 'crashed'],
  ['143', 'terminated'],
]);

/** Adds what a known exit code means: `ssh: exited, code 137 (killed)`. */
export const withMeaning = (reason: string): string =>
  reason.replace(/\bcode (\d+)\b/g, (text, code: string) =>
    known.has(code) ? `${text} (${known.get(code)})` : text,
  );

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const escapes = /\u001b\[[0-9;]*m/g;
const widthOf = (text: string): number => [...text.replace(escapes, '')].length;

/**
 * Rows in aligned columns; the last column is wrapped at words where the screen has an end.
 * @param indent what each line begins with
 */
export function table(screen: Screen, rows: readonly (readonly string[])[], indent = ''): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, at) =>
    Math.max(0, ...rows.map((row) => widthOf(row[at] ?? ''))),
  );
  const lead = indent.length + widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 0);
  return rows
    .map((row) => {
      const cells = row.slice(0, -1).map((cell, at) => cell + ' '.repeat((widths[at] ?? 0) - widthOf(cell)));
      const last = row.length === columns ? wrap(row.at(-1) ?? '', screen.width, lead) : (row.at(-1) ?? '');
      return `${indent}${[...cells, last].join('  ')}`.trimEnd();
    })
    .join('\n');
}

/** @param lead columns that stand before the text, on each of its lines */
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
