import type { Decky } from '../../fleet/decky.ts';
import { type Desired, deckiesByName } from '../../fleet/desired.ts';
import { type Content, contentChanges } from '../../fleet/plan/content.ts';
import type { Row } from '../../fleet/plan/facts.ts';
import { isFleetState } from '../../fleet/state.ts';
import { preferMemory } from '../../lib/heap.ts';
import type { Json, JsonObject } from '../../lib/json.ts';
import { parseJson } from '../../lib/json-text.ts';
import { type Db, query } from '../query.ts';

/** Rows per query. With their content they are about 5 MB. */
const rowsPerQuery = 4000;

/** From this number of rows on, a host is large. Its containers say so, too, unless Docker does not answer. */
const rowsOfLargeHost = 20_000;

/** The version of each row by name. If another program writes a row in between, our write does not match it. */
export type Versions = Map<string, string>;

/** Reads the rows of a host, or only those of some names, and adds their versions to `versions`. */
export type ReadRows = (
  db: Db,
  of: { readonly host: string; readonly only: readonly string[] | null },
  desired: Desired,
  versions: Versions,
) => Promise<readonly Row[]>;

/**
 * Creates a reader that remembers, for one revision of a host's file, which version of each row has the declared
 * content. The content is the largest part of a row, and is read once for each version. A row with the declared content
 * shares the file's objects, so that the content is not in memory twice. @see docs/decisions/015
 */
export function rowReader(): ReadRows {
  const known = new Map<string, { readonly revision: string | null; readonly alike: Versions }>();
  return async (db, { host, only }, file, versions) => {
    const desired = deckiesByName(file);
    const revision = file.kind === 'declared' ? file.revision : null;
    const before = known.get(host);
    const alike: Versions = revision !== null && before?.revision === revision ? before.alike : new Map();
    known.set(host, { revision, alike });
    const recorded: Row[] = [];
    for (let after = '', isLast = false; !isLast; ) {
      const rows = await query<StateRow>(db, selectStates, [host, only, after, rowsPerQuery]);
      const unknown = rows.filter(({ name, version }) => alike.get(name) !== version).map(({ name }) => name);
      const [declared, undeclared] = [[] as string[], [] as string[]];
      for (const name of unknown) (desired.has(name) ? declared : undeclared).push(name);
      const contents = [
        ...(await contentsOf(db, host, declared, selectContents)),
        ...(await contentsOf(db, host, undeclared, selectServices)),
      ];
      addRows(recorded, rows, contents, desired, versions, alike);
      if (recorded.length >= rowsOfLargeHost) preferMemory();
      isLast = rows.length < rowsPerQuery;
      after = rows.at(-1)?.name ?? '';
    }
    return recorded;
  };
}

interface StateRow {
  readonly name: string;
  readonly state: string;
  readonly last_error: string | null;
  readonly ours: boolean;
  readonly updated_us: number;
  readonly last_seen_us: number | null;
  readonly version: string;
}

// xmin is the transaction that last wrote a row.
const selectStates = `select name, state, last_error, (reconciled_at = updated_at) is true as ours,
    floor(extract(epoch from updated_at) * 1000000)::float8 as updated_us,
    floor(extract(epoch from last_seen) * 1000000)::float8 as last_seen_us, xmin::text as version
  from fleet_deckies where host_uuid = $1 and name > $3 and ($2::text[] is null or name = any ($2::text[]))
  order by name limit $4`;

interface ContentRow {
  readonly name: string;
  readonly services: string | null;
  readonly decky_config: string | null;
  readonly decky_ip: string | null;
  readonly version: string;
}

// Read as text, because the driver would change numbers. Parsed row by row, so that each value can be freed early.
const selectContents = `select name, services::text, decky_config::text, decky_ip, xmin::text as version
  from fleet_deckies where host_uuid = $1 and name = any ($2::text[])`;

// The configuration is most of a row. It is not read here, because there is no declared content to compare it with.
const selectServices = `select name, services::text, null as decky_config, decky_ip, xmin::text as version
  from fleet_deckies where host_uuid = $1 and name = any ($2::text[])`;

/** @see HostTransaction.configs */
export const configsOf = async (
  db: Db,
  host: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, JsonObject | null>> =>
  new Map(
    (await contentsOf(db, host, names, selectContents)).map((row) => [row.name, contentFrom(row).config]),
  );

const contentsOf = async (
  db: Db,
  host: string,
  names: readonly string[],
  select: string,
): Promise<readonly ContentRow[]> => (names.length === 0 ? [] : query<ContentRow>(db, select, [host, names]));

function addRows(
  recorded: Row[],
  rows: readonly StateRow[],
  contents: readonly ContentRow[],
  desired: ReadonlyMap<string, Decky>,
  versions: Versions,
  alike: Versions,
): void {
  const contentOf = new Map(contents.map((content) => [content.name, content]));
  for (const row of rows) {
    const { name, version } = row;
    versions.set(name, version);
    const decky = desired.get(name);
    const read = contentOf.get(name);
    if (read !== undefined && decky !== undefined) {
      // If the versions differ, the row was written since its state was read. The planned change will skip it, and the
      // next pass reads it again.
      const isAlike = read.version === version && contentChanges(contentFrom(read), decky).length === 0;
      if (isAlike) alike.set(name, version);
      else alike.delete(name);
    }
    const content: Content = decky !== undefined && alike.get(name) === version ? decky : contentFrom(read);
    recorded.push({
      name,
      services: content.services,
      config: content.config,
      ip: content.ip,
      state: isFleetState(row.state) ? row.state : 'pending',
      lastError: row.last_error,
      ours: row.ours,
      writtenAt: Math.floor(row.updated_us / 1000),
      updatedUs: row.updated_us,
      lastSeenUs: row.last_seen_us,
    });
  }
}

/** @param read undefined: the row was deleted since its state was read, and the planned change will skip it */
function contentFrom(read: ContentRow | undefined): Content {
  const services = parsed(read?.services);
  return {
    services: Array.isArray(services) ? services : [],
    config: parsed(read?.decky_config) as JsonObject | null,
    ip: read?.decky_ip ?? null,
  };
}

const parsed = (text: string | null | undefined): Json => (typeof text === 'string' ? parseJson(text) : null);
