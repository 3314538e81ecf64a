/** Seconds: a receiver whose clock is wrong, or that asks for a week, must not stop messages for ever. */
const atMostSeconds = 3600;

/**
 * For how many seconds a receiver that answered 429 or 503 wants to be left alone, an hour at most; null: it does not
 * say, or what it says is no time to come.
 * @param date its own time, from the header `Date`: an end by its clock is a length only beside that
 * @param now epoch milliseconds, where it does not tell its time
 */
export function retryAfterSeconds(header: string | null, date: string | null, now: number): number | null {
  const text = header?.trim() ?? '';
  const seconds = /^\d+$/.test(text) ? Number(text) : secondsUntil(text, date, now);
  return seconds > 0 ? Math.min(seconds, atMostSeconds) : null;
}

/** NaN: the text is no time. */
function secondsUntil(text: string, date: string | null, now: number): number {
  const theirs = timeOf(date ?? '');
  return (timeOf(text) - (Number.isNaN(theirs) ? now : theirs)) / 1000;
}

/** Of HTTP's dates, in any of their three forms, and of nothing else that `Date.parse` takes for one. */
const timeOf = (text: string): number =>
  /^[A-Z][a-z]+(?:, | )[\dA-Za-z -]+ \d\d:\d\d:\d\d(?: GMT| \d{4})$/.test(text)
    ? Date.parse(text.endsWith('GMT') ? text : `${text} GMT`)
    : Number.NaN;
