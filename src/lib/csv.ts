/**
 * Rows as CSV. Quoted as in RFC 4180, with a line break of CR and LF. A text that a spreadsheet would run as a formula gets an
 * apostrophe before it: names and reasons come from the hosts, which an attacker may control.
 */
export const csvText = (rows: readonly (readonly (string | null)[])[]): string =>
  rows.map((row) => `${row.map((value) => field(value ?? '')).join(',')}\r\n`).join('');

/** What spreadsheets take for the begin of a formula, also in its full width, and after spaces. */
const formula = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n]/;

function field(value: string): string {
  const safe = formula.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
