import { didYouMean } from '../../lib/similar.ts';

/** When a silence recurs: on these days, from a minute of the day, for some minutes. All in UTC, which has no summer time. */
export interface Window {
  /** 0 is Sunday. A window that crosses midnight belongs to the day on which it begins. */
  readonly days: readonly number[];
  readonly fromMinute: number;
  readonly lengthMinutes: number;
}

/** Epoch milliseconds; `to` is the first moment after it. */
export interface Period {
  readonly from: number;
  readonly to: number;
}

const dayNames: readonly string[] = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const everyDay = [0, 1, 2, 3, 4, 5, 6] as const;
const minuteMs = 60_000;
const dayMinutes = 1440;
const dayMs = dayMinutes * minuteMs;
/** 1970-01-01 was a Thursday. */
const firstWeekday = 4;

/**
 * `mon-fri 22:00-06:00`, `sat,sun 00:00-24:00`, `daily 01:30-02:00`; without days it is daily.
 * @returns what is wrong with it, for people, if anything is
 */
export function parseWindow(text: string): Window | { readonly fault: string } {
  const [, days = 'daily', from = '', to = ''] =
    /^(?:(\S+)\s+)?(\d\d?:\d\d)-(\d\d?:\d\d)$/.exec(text.trim().toLowerCase()) ?? [];
  const [fromMinute, toMinute] = [minuteOf(from), minuteOf(to)];
  if (fromMinute === null || toMinute === null || fromMinute === dayMinutes)
    return { fault: 'Allowed: days and times in UTC, such as mon-fri 22:00-06:00, or daily 01:00-02:00' };
  if (fromMinute === toMinute)
    return { fault: 'It begins and ends at the same time; a whole day is 00:00-24:00' };
  const found = days === 'daily' ? everyDay : daysOf(days);
  if ('fault' in found) return found;
  return { days: found, fromMinute, lengthMinutes: lengthOf(fromMinute, toMinute) };
}

const lengthOf = (from: number, to: number): number => (to > from ? to - from : to - from + dayMinutes);

function minuteOf(text: string): number | null {
  const [hours = Number.NaN, minutes = Number.NaN] = text.split(':').map(Number);
  const found = hours * 60 + minutes;
  return minutes < 60 && found <= dayMinutes ? found : null;
}

/** `mon-fri,sun`. A range may cross the end of the week. */
function daysOf(text: string): readonly number[] | { readonly fault: string } {
  const days = new Set<number>();
  for (const part of text.split(',')) {
    const ends = part.split('-');
    const wrong = ends.length > 2 ? part : ends.find((name) => dayOf(name) < 0);
    if (wrong !== undefined)
      return {
        fault: `"${wrong}" is not a day. ${didYouMean(wrong, [...dayNames, 'daily'])}Allowed: daily, or ${dayNames.join(', ')} and ranges such as mon-fri`,
      };
    const [first = 0, last = first] = ends.map(dayOf);
    for (let day = first; ; day = (day + 1) % 7) {
      days.add(day);
      if (day === last) break;
    }
  }
  return [...days].sort();
}

const dayOf = (name: string): number => dayNames.indexOf(name);

/** The text that `parseWindow` reads as this window. */
export function windowText({ days, fromMinute, lengthMinutes }: Window): string {
  const end = fromMinute + lengthMinutes;
  const times = `${clock(fromMinute)}-${clock(end > dayMinutes ? end - dayMinutes : end)}`;
  return `${days.length === 7 ? 'daily' : days.map((day) => dayNames[day]).join(',')} ${times}`;
}

const clock = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;

/** The occurrence of a window in which a moment lies; those that follow without a pause, for up to a week, are part of it. */
export function occurrenceAt(window: Window, at: number): Period | null {
  const first = singleAt(window, at);
  if (first === null) return null;
  let { to } = first;
  for (
    let next = singleAt(window, to);
    next !== null && to - first.from < 7 * dayMs;
    next = singleAt(window, to)
  )
    to = next.to;
  return { from: first.from, to };
}

function singleAt({ days, fromMinute, lengthMinutes }: Window, at: number): Period | null {
  const today = Math.floor(at / dayMs);
  for (const day of [today, today - 1]) {
    const from = day * dayMs + fromMinute * minuteMs;
    const to = from + lengthMinutes * minuteMs;
    if (days.includes((day + firstWeekday) % 7) && from <= at && at < to) return { from, to };
  }
  return null;
}
