import { cpus, release, totalmem } from 'node:os';
import { arch } from 'node:process';

/** The result of one benchmark: a line for each measured case, a column for each figure. */
export interface Table {
  readonly name: string;
  readonly title: string;
  readonly rows: readonly Readonly<Record<string, number | string>>[];
}

/** A description of the machine. */
export const machine = (): string =>
  `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ${release()} ${arch}, Node ${process.versions.node}`;

/** The result as Markdown tables. */
export function printed({ title, rows }: Table): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = rows.map((row) => names.map((name) => shown(row[name])));
  const widths = names.map((name, at) => Math.max(name.length, ...cells.map((row) => row[at]?.length ?? 0)));
  const isNumeric = names.map((name) => rows.every((row) => typeof (row[name] ?? 0) === 'number'));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, at) => (isNumeric[at] ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0))).join(' | ')} |`;
  const rule = `| ${widths.map((width, at) => (isNumeric[at] ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width))).join(' | ')} |`;
  return [title, '', line(names), rule, ...cells.map(line), ''].join('\n');
}

const shown = (value: number | string | undefined): string =>
  typeof value === 'number' ? value.toLocaleString('en-US', { maximumFractionDigits: 2 }) : (value ?? '');

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** @param at from 0 to 1 */
export function quantile(values: readonly number[], at: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * at))] ?? 0;
}
