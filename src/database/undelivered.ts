import { longestReason, printable, shortened } from '../lib/text.ts';
import type { UndeliveredView } from '../views/undelivered.ts';
import type { Query } from './query.ts';

/**
 * What waits for each receiver.
 * @param receivers the configured ones by their keys; they are listed also if nothing waits for them
 * @param unnamed the name of the receiver with the empty key
 */
export async function undeliveredView(
  query: Query,
  receivers: readonly { readonly key: string; readonly name: string }[],
  unnamed: string,
): Promise<readonly UndeliveredView[]> {
  const rows = await query<UndeliveredView>(selectWaiting);
  const found = new Map(rows.map((row) => [row.receiver, row]));
  const names = new Map([
    ...receivers.map(({ key, name }) => [key, name] as const),
    ...rows.map(({ receiver: key }) => [key, key === '' ? unnamed : key] as const),
  ]);
  return [...names].map(([key, receiver]) => {
    const row = found.get(key) ?? { waiting: 0, failed: 0, failedAgeSeconds: null, fault: null };
    const { fault } = row;
    return { ...row, receiver, fault: fault === null ? null : shortened(printable(fault), longestReason) };
  });
}

const selectWaiting = `select receiver, count(*)::int as waiting, (count(*) filter (where attempts > 0))::int as failed,
    greatest(0, extract(epoch from clock_timestamp() - min(created_at) filter (where attempts > 0)))::float8 as "failedAgeSeconds",
    (array_agg(fault order by position desc) filter (where fault is not null))[1] as fault
  from fleet_notifications group by receiver order by receiver`;
