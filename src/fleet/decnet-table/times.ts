/** A time of DECNET's table: UTC, as text without a zone. Here times are microseconds since the epoch. */

const usPerSecond = 1_000_000;

/** `2026-11-27 04:56:32.692727` */
export function timeText(us: number): string {
  const iso = new Date(Math.floor(us / 1000)).toISOString();
  const fraction = us - Math.floor(us / usPerSecond) * usPerSecond;
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)}.${String(fraction).padStart(6, '0')}`;
}

const shape = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?/;

/** A time as the table shows it. MySQL cuts the fraction. */
export interface TableTime {
  readonly us: number;
  readonly hasFraction: boolean;
}

/** Null: not a time. */
export function timeIn(text: string): TableTime | null {
  const [, date, time, fraction] = shape.exec(text) ?? [];
  if (date === undefined || time === undefined) return null;
  const ms = Date.parse(`${date}T${time}Z`);
  if (Number.isNaN(ms)) return null;
  return { us: ms * 1000 + Number((fraction ?? '').padEnd(6, '0')), hasFraction: fraction !== undefined };
}

/** Whether the table shows this time, in its own precision. */
export const isTime = ({ us, hasFraction }: TableTime, wanted: number): boolean =>
  us === (hasFraction ? wanted : Math.floor(wanted / usPerSecond) * usPerSecond);

/** Whether the table's text is this time; null is no time. */
export function sameTime(text: string | null, wanted: number | null): boolean {
  if (text === null || wanted === null) return text === wanted;
  const found = timeIn(text);
  return found !== null && isTime(found, wanted);
}

/** A time that PostgreSQL shows as JSON, with all its digits; 0: not a time. */
export const exactTime = (iso: string): number => {
  const [, whole = '', fraction = '', zone = 'Z'] = /^([^.+Z]*)(?:\.(\d{1,6}))?(.*)$/.exec(iso) ?? [];
  const ms = Date.parse(`${whole}${zone === '' ? 'Z' : zone}`);
  return Number.isNaN(ms) ? 0 : ms * 1000 + Number(fraction.padEnd(6, '0'));
};
