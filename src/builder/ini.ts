import { indentOf, strip, stripEnd } from './blank.ts';
import { iniInvalid, type Location, shown } from './location.ts';

/** `file`: duplicates are errors. `string`: duplicates are merged, and the text must not be empty or too large. */
export type IniRules = 'file' | 'string';

interface Entry {
  value: string;
  readonly line: number;
}

/** Entries by key in lower case, in the order of their first occurrence. */
type Entries = Map<string, Entry>;

export interface IniSection {
  readonly name: string;
  readonly at: Location;
  /** The location of a key, or of the section if it does not have the key. */
  keyLocation(key: string): Location;
  /** A value with its references replaced; undefined: neither the section nor `[DEFAULT]` has the key. */
  get(key: string): string | undefined;
  /** All keys and values, including those of `[DEFAULT]`. */
  all(): readonly (readonly [string, string])[];
}

/** The maximum length of a text in characters. @see FLEET_BUILDER.md, section 1, "longer than" */
const longestText = 524_288;
/** The maximum depth of nested references, as in Python. */
const deepest = 10;
/**
 * The maximum number of characters and references of a value after replacement. Python has no such limit: ten keys of a few
 * hundred bytes that refer to each other make it use all memory.
 */
const largestValue = 1_000_000;

/**
 * Reads the INI dialect of Python's `configparser`, as DECNET uses it. No package supports it.
 * @param file the name of the text in messages
 * @throws FleetError FLEET_INVALID
 * @see FLEET_BUILDER.md, section 1
 */
export function readIni(content: string, file: string, rules: IniRules): readonly IniSection[] {
  const whole: Location = { file, line: null };
  if (rules === 'string') {
    if (content.length > longestText && [...content].length > longestText)
      throw iniInvalid(whole, `is too large: longer than ${longestText} characters`);
    if (strip(content) === '') throw iniInvalid(whole, 'is empty');
  }
  const { sections, defaults } = readLines(content, file, rules);
  if (rules === 'string' && sections.size === 0) throw iniInvalid(whole, 'no sections found');
  return [...sections].map(([name, { line, entries }]) => sectionOf(name, line, entries, defaults, file));
}

interface Sections {
  readonly sections: Map<string, { readonly line: number; readonly entries: Entries }>;
  readonly defaults: Entries;
}

function readLines(content: string, file: string, rules: IniRules): Sections {
  const sections: Sections['sections'] = new Map();
  const defaults: Entries = new Map();
  let section: { readonly name: string; readonly entries: Entries } | null = null;
  /** The key whose value may continue on the next line, and its indentation. */
  let open: Entry | null = null;
  let indent = 0;
  const wrong: { readonly at: Location; readonly text: string }[] = [];

  for (const [index, raw] of content.split(/\r\n|\r|\n/).entries()) {
    const line = index + 1;
    const text = strip(raw);
    if (text.startsWith('#') || text.startsWith(';')) continue;
    if (text === '') {
      if (open !== null) open.value += '\n';
      continue;
    }
    const deep = indentOf(raw);
    if (open !== null && deep > indent) {
      open.value += `\n${text}`;
      continue;
    }
    indent = deep;

    const name = headerOf(text);
    if (name !== null) {
      open = null;
      const before = sections.get(name);
      if (before !== undefined && rules === 'file')
        throw iniInvalid(
          { file, line, section: name },
          `duplicate section, first defined in line ${before.line}`,
        );
      section = { name, entries: name === 'DEFAULT' ? defaults : (before?.entries ?? new Map()) };
      if (before === undefined && name !== 'DEFAULT') sections.set(name, { line, entries: section.entries });
      continue;
    }
    if (section === null)
      throw iniInvalid(
        { file, line },
        `no section: ${shown(text)} is before the first one (no sections found)`,
      );

    const split = text.search(/[=:]/);
    const key = stripEnd(text.slice(0, Math.max(0, split))).toLowerCase();
    // Continue reading, as Python does: a duplicate key further down is reported first.
    if (split <= 0 || key === '') {
      wrong.push({ at: { file, line, section: section.name }, text });
      continue;
    }
    const before = section.entries.get(key);
    if (before !== undefined && rules === 'file')
      throw iniInvalid(
        { file, line, section: section.name, key },
        `duplicate key, first defined in line ${before.line}`,
      );
    open = { value: strip(text.slice(split + 1)), line };
    section.entries.set(key, open);
  }

  const [first] = wrong;
  if (first !== undefined) {
    const more = wrong.length === 1 ? '' : ` (and ${wrong.length - 1} more such lines)`;
    throw iniInvalid(first.at, `${shown(first.text)} is neither a section nor \`key = value\`${more}`);
  }
  for (const entries of [defaults, ...[...sections.values()].map((one) => one.entries)])
    for (const entry of entries.values()) entry.value = stripEnd(entry.value);
  return { sections, defaults };
}

/** The name of a section, up to the last `]`; the rest of the line is ignored. Null: not a section header. */
function headerOf(text: string): string | null {
  const end = text.lastIndexOf(']');
  return text.startsWith('[') && end > 1 ? text.slice(1, end) : null;
}

function sectionOf(name: string, line: number, own: Entries, defaults: Entries, file: string): IniSection {
  const at: Location = { file, line, section: name };
  const entry = (key: string): Entry | undefined => own.get(key) ?? defaults.get(key);
  const keyLocation = (key: string): Location => ({ ...at, line: entry(key)?.line ?? line, key });
  const filled = (key: string, { value }: Entry): string =>
    value.includes('%') ? fillIn(value, keyLocation(key), entry) : value;
  return {
    name,
    at,
    keyLocation,
    get: (key) => {
      const found = entry(key);
      return found === undefined ? undefined : filled(key, found);
    },
    all: () =>
      [...new Map([...own, ...[...defaults].filter(([key]) => !own.has(key))])].map(
        ([key, found]) => [key, filled(key, found)] as const,
      ),
  };
}

/** Replaces `%(key)s` and `%%`. @throws FleetError FLEET_INVALID with the location of the outermost value */
function fillIn(value: string, at: Location, entry: (key: string) => Entry | undefined): string {
  const parts: string[] = [];
  let used = 0;
  const add = (part: string): void => {
    used += part.length + 1;
    if (used > largestValue)
      throw iniInvalid(at, `is too large after its references are replaced: over ${largestValue} characters`);
    parts.push(part);
  };
  const fill = (text: string, depth: number): void => {
    if (depth > deepest)
      throw iniInvalid(at, `its references are nested more than ${deepest} deep or are circular`);
    let from = 0;
    for (let sign = text.indexOf('%'); sign >= 0; sign = text.indexOf('%', from)) {
      add(text.slice(from, sign));
      if (text[sign + 1] === '%') {
        add('%');
        from = sign + 2;
        continue;
      }
      const reference = referenceAt(text, sign);
      if (reference === null)
        throw iniInvalid(
          at,
          `${shown(text.slice(sign))} is not a reference`,
          'Write %(key)s, or %% for a percent sign',
        );
      const found = entry(reference.toLowerCase());
      if (found === undefined)
        throw iniInvalid(
          at,
          `refers to ${shown(reference)}, a key that neither its section nor [DEFAULT] has`,
        );
      if (found.value.includes('%')) fill(found.value, depth + 1);
      else add(found.value);
      from = sign + reference.length + '%()s'.length;
    }
    add(text.slice(from));
  };
  fill(value, 1);
  return parts.join('');
}

function referenceAt(text: string, at: number): string | null {
  const pattern = /%\(([^)]+)\)s/y;
  pattern.lastIndex = at;
  return pattern.exec(text)?.[1] ?? null;
}
