/**
 * Whether a character is white space in Python. JavaScript's `trim` and `\s` differ: they include the byte order mark and
 * exclude the separators 0x1c to 0x1f.
 */
function isBlank(code: number): boolean {
  if (code <= 0x20) return (code >= 0x09 && code <= 0x0d) || code >= 0x1c;
  if (code < 0x1680) return code === 0x85 || code === 0xa0;
  return (
    (code >= 0x2000 && code <= 0x200a) || [0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000].includes(code)
  );
}

/** The number of blanks at the beginning of a text. */
export function indentOf(text: string): number {
  let at = 0;
  while (at < text.length && isBlank(text.charCodeAt(at))) at += 1;
  return at;
}

export function stripEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

/** Removes the blanks at both ends. */
export const strip = (text: string): string => stripEnd(text.slice(indentOf(text)));

/**
 * Parses a whole number as Python's `int` does: it allows blanks around it, a sign, and `_` between digits. Null: not valid.
 * @see FLEET_BUILDER.md, "Keys of a decky section"
 */
export function wholeNumberOf(text: string): number | null {
  const bare = strip(text);
  return /^[+-]?[0-9]+(_[0-9]+)*$/.test(bare) ? Number(bare.replaceAll('_', '')) : null;
}
