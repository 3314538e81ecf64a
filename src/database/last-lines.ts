import type { Notification } from '../fleet/alerts/notification.ts';
import { type DeckyLines, joinedLines, type LastLines, lastLinesFromJson } from '../fleet/last-lines.ts';
import type { Json } from '../lib/json.ts';
import { alertKey } from './incidents.ts';
import { type Db, type Query, query } from './query.ts';

/** The maximum size of stored lines as text, in bytes. A check of the table has the same. */
const lastLinesBytesAtMost = 16_384;

/** Deckies of a message whose lines are looked for: those that its text names. */
const deckiesAtMost = 5;

// Only where the decky is still as it was when its container broke.
const writeLines = `update fleet_alarms a set last_lines = i.lines
  from jsonb_to_recordset($2::jsonb) as i(name text, state text, lines jsonb)
  where a.host_uuid = $1 and a.name = i.name and a.state = i.state`;

export const noteLastLines = async (ask: Query, host: string, found: readonly DeckyLines[]): Promise<void> =>
  void (await ask(writeLines, [host, JSON.stringify(found)]));

const readLines = `select host_uuid as host, name, last_lines as lines
  from fleet_alarms join unnest($1::text[], $2::text[]) as i(host, decky) on host_uuid = host and name = decky
  where octet_length(last_lines::text) <= ${lastLinesBytesAtMost}`;

interface Location {
  readonly host: string;
  readonly name: string;
}

/** Adds the last lines of the containers that broke to the messages about them. */
export async function withLastLines(
  db: Db,
  messages: readonly Notification[],
): Promise<readonly Notification[]> {
  const locations = messages.flatMap(locationsOf);
  if (locations.length === 0) return messages;
  const rows = await query<Location & { lines: Json }>(db, readLines, [
    locations.map(({ host }) => host),
    locations.map(({ name }) => name),
  ]);
  if (rows.length === 0) return messages;
  const known = new Map<string, LastLines>(
    rows.map(({ host, name, lines }) => [alertKey(host, name), lastLinesFromJson(lines)]),
  );
  return messages.map((message) => {
    const found = locationsOf(message).map(({ host, name }) => known.get(alertKey(host, name)) ?? {});
    const lines = joinedLines(found);
    return Object.keys(lines).length === 0 ? message : { ...message, last_lines: lines };
  });
}

/** The deckies that a message names as down. Those of several hosts are named as `host/decky`. */
function locationsOf({ host_uuid: host, name, names, incident }: Notification): readonly Location[] {
  if (incident?.event !== 'opened' && incident?.event !== 'grown') return [];
  if (name !== null) return [{ host, name }];
  return names.slice(0, deckiesAtMost).flatMap((text): readonly Location[] => {
    if (host !== '') return [{ host, name: text }];
    const [of = '', ...rest] = text.split('/');
    return rest.length === 0 ? [] : [{ host: of, name: rest.join('/') }];
  });
}
