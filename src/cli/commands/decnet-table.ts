import { decnetTableWords, rivalText } from '../../fleet/words.ts';
import type { HostView } from '../../views/report.ts';
import { ago } from '../text.ts';

/** How DECNET's own table of a host is; empty where it is not kept. */
export function decnetTableText({ decnet_table: table }: HostView): readonly string[] {
  if (table === null) return [];
  const { text, ago: at } = decnetTableWords(table, Date.now());
  return [
    at === null ? text : `${text} ${ago(at)}`,
    ...(table.rival === null ? [] : [rivalText(table.rival)]),
  ];
}
