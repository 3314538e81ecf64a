import type { SilenceView } from '../../views/silences.ts';
import type { Query } from '../query.ts';
import { type SilenceRow, silenceColumns, silenceView } from '../silence-rows.ts';

/** More silences than these are not read. */
const readAtMost = 1000;

/** The silences, the newest first. @param options.ended also those that are over */
export const silences =
  (query: Query) =>
  async ({ ended }: { ended: boolean }): Promise<readonly SilenceView[]> =>
    (await query<SilenceRow>(selectSilences, [ended])).flatMap(silenceView);

const selectSilences = `select ${silenceColumns} from fleet_silences
  where $1::boolean or ended_at is null and until > clock_timestamp() order by id desc limit ${readAtMost}`;

/** The silences with these ids, whether they are over or not. */
export const silencesById = async (
  query: Query,
  ids: readonly string[],
): Promise<ReadonlyMap<number, SilenceView>> => {
  if (ids.length === 0) return new Map();
  const rows = await query<SilenceRow>(selectById, [ids]);
  return new Map(rows.flatMap(silenceView).map((one) => [one.id, one]));
};

const selectById = `select ${silenceColumns} from fleet_silences where id = any ($1::bigint[])`;
