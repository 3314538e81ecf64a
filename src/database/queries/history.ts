import { noFilter } from '../../fleet/filter/term.ts';
import type { Gap, Report, Transition } from '../../views/report.ts';
import type { Query } from '../query.ts';
import { iso, shortReason } from '../sql.ts';
import { conditionOf, type FilterColumns } from './filter.ts';

/** The queries of transitions and gaps. */
export function history(
  query: Query,
): Pick<Report, 'history' | 'transitionsAfter' | 'lastTransitionBefore' | 'gaps'> {
  return {
    history: async ({ host, decky, since, limit, until = null, filter = noFilter, before = null }) => {
      const { sql, values } = conditionOf(filter, ofTransitions, 7);
      return {
        transitions: await query<Transition>(selectTransitions(sql), [
          host,
          decky,
          since,
          limit,
          until,
          before,
          ...values,
        ]),
        gaps: decky === null && filter.length === 0 ? await query<Gap>(selectGaps, [host, since, limit]) : [],
      };
    },
    transitionsAfter: ({ host, decky, filter = noFilter }, id, limit) => {
      const { sql, values } = conditionOf(filter, ofTransitions, 5);
      return query<Transition>(selectTransitionsAfter(sql), [host, decky, id, limit, ...values]);
    },
    lastTransitionBefore: async (seconds) =>
      (
        await query<{ id: number }>(
          `select coalesce(max(id), 0)::float8 as id from fleet_transitions
           where at < now() - make_interval(secs => $1::float8)`,
          [seconds],
        )
      )[0]?.id ?? 0,
    gaps: (host, since) => query<Gap>(selectGaps, [host, since, 1000]),
  };
}

/** What a filter reads of a change. A decky that is no longer recorded has no address and no services. */
const ofTransitions: FilterColumns = {
  host: 't.host_uuid',
  decky: 't.name',
  ip: 'd.decky_ip',
  state: '(case when t.from_state is distinct from t.to_state then t.to_state end)',
  reason: 't.reason',
  servicesOf: 'd',
  changedSince: (time) => `t.at >= ${time}`,
};
const withDeckies = `fleet_transitions t left join fleet_deckies d on d.host_uuid = t.host_uuid and d.name = t.name`;

const transitionColumns = `t.id::int8::float8 as id, t.host_uuid, t.name, t.from_state, t.to_state, ${shortReason('t.reason')},
    ${iso('t.at')}, t.job_id`;

const selectTransitionsAfter = (matches: string): string => `select ${transitionColumns} from ${withDeckies}
  where ($1::text is null or t.host_uuid = $1) and ($2::text is null or t.name = $2)
    and t.id > $3::float8::int8 and t.at <= now() and ${matches}
  order by t.id limit $4`;

const selectTransitions = (matches: string): string => `select ${transitionColumns}
  from ${withDeckies}
  where ($1::text is null or t.host_uuid = $1) and ($2::text is null or t.name = $2)
    and ($3::timestamptz is null or t.at >= $3::timestamptz) and t.at <= now()
    and ($5::timestamptz is null or t.at <= $5::timestamptz)
    and ($6::bigint is null or (t.at, t.id) < (select b.at, b.id from fleet_transitions b where b.id = $6::bigint))
    and ${matches}
  order by t.at desc, t.id desc limit $4`;

const selectGaps = `select host_uuid, ${iso('from_at')}, ${iso('to_at')} from fleet_gaps
  where ($1::text is null or host_uuid = $1) and ($2::timestamptz is null or to_at >= $2::timestamptz)
    and to_at <= now()
  order by to_at desc limit $3`;
