/** The longest pause in seconds. A receiver with a wrong clock, or that asks for a week, must not stop notifications. */
const atMostSeconds = 3600;

/**
 * The pause in seconds that a receiver asks for with `Retry-After`, at most one hour. Null: the header is missing, not valid or
 * not in the future.
 * @param date the header `Date`: a time in `Retry-After` is relative to the receiver's clock
 * @param now epoch milliseconds, used when `Date` is missing
 */
export function retryAfterSeconds(header: string | null, date: string | null, now: number): number | null {
  const text = header?.trim() ?? '';
  const seconds = /^\d+$/.test(text) ? Number(text) : secondsUntil(text, date, now);
  return seconds > 0 ? Math.min(seconds, atMostSeconds) : null;
}

/** NaN: the text is not a time. */
function secondsUntil(text: string, date: string | null, now: number): number {
  const theirs = timeOf(date ?? '');
  return (timeOf(text) - (Number.isNaN(theirs) ? now : theirs)) / 1000;
}

/** Parses a date in one of HTTP's three formats. `Date.parse` itself accepts many other texts. */
const timeOf = (text: string): number =>
  /^[A-Z][a-z]+(?:, | )[\dA-Za-z -]+ \d\d:\d\d:\d\d(?: GMT| \d{4})$/.test(text)
    ? Date.parse(text.endsWith('GMT') ? text : `${text} GMT`)
    : Number.NaN;
