/**
 * What Python calls white space: neither what JavaScript trims (that takes the byte order mark, and leaves the
 * separators below the space), nor what its regular expressions call so.
 */
function isBlank(code: number): boolean {
  if (code <= 0x20) return (code >= 0x09 && code <= 0x0d) || code >= 0x1c;
  if (code < 0x1680) return code === 0x85 || code === 0xa0;
  return (
    (code >= 0x2000 && code <= 0x200a) || [0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000].includes(code)
  );
}

/** How many blanks a text begins with. */
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

/** Without the blanks at both ends. */
export const strip = (text: string): string => stripEnd(text.slice(indentOf(text)));

/**
 * A whole number as upstream reads it: blanks around it, a sign, and `_` between digits may be there; null: it is none.
 * @see FLEET_BUILDER.md, "Keys of a decky section"
 */
export function wholeNumberOf(text: string): number | null {
  const bare = strip(text);
  return /^[+-]?[0-9]+(_[0-9]+)*$/.test(bare) ? Number(bare.replaceAll('_', '')) : null;
}
