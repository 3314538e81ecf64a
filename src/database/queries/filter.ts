import { type Filter, isWhole, type Term, type TextKey } from '../../fleet/filter/term.ts';
import { readableServices } from '../sql.ts';

/** Where the texts of a filter are in a statement: SQL expressions. */
export interface FilterColumns extends Readonly<Record<Exclude<TextKey, 'service'> | 'state', string>> {
  /** The alias of the row that has the services. */
  readonly servicesOf: string;
  /** Whether it has changed since a time. @param time an SQL expression */
  readonly changedSince: (time: string) => string;
}

/** A condition and the values of its placeholders. */
export interface Condition {
  readonly sql: string;
  readonly values: readonly unknown[];
}

/**
 * A filter as an SQL condition, which chooses what `isMatch` does.
 * @param first the number of its first placeholder
 * @see test/database/filter.test.ts
 */
export function conditionOf(filter: Filter, columns: FilterColumns, first: number): Condition {
  const terms = filter.map((term, at) => {
    const sql = `(${termSql(term, columns, `$${first + at}`)})`;
    return `${sql} is ${term.isExcluded ? 'not true' : 'true'}`;
  });
  return { sql: terms.join(' and ') || 'true', values: filter.map(sqlValue) };
}

function sqlValue(term: Term): unknown {
  if (term.kind === 'state') return term.states;
  if (term.kind === 'since') return term.seconds;
  return term.patterns.map((one) => (isWhole(term.key) ? likePattern(one) : `%${likePattern(one)}%`));
}

const likePattern = (pattern: string): string => pattern.replace(/[\\%_]/g, '\\$&').replaceAll('*', '%');

function termSql(term: Term, columns: FilterColumns, value: string): string {
  if (term.kind === 'state') return `${columns.state} = any (${value}::text[])`;
  if (term.kind === 'since') return columns.changedSince(`now() - make_interval(secs => ${value}::float8)`);
  const fits = (text: string): string => `coalesce(${text} ilike any (${value}::text[]), false)`;
  const { host, decky, ip, reason, servicesOf } = columns;
  const all: Readonly<Record<TextKey, string>> = {
    host: fits(host),
    decky: fits(decky),
    ip: fits(ip),
    reason: fits(reason),
    service: `exists (select from jsonb_array_elements(${readableServices(servicesOf)}) s
      where jsonb_typeof(s) = 'string' and ${fits(`s #>> '{}'`)})`,
  };
  return term.key === null ? Object.values(all).join(' or ') : all[term.key];
}
