import type { DecnetFact } from '../fleet/decnet-table/fact.ts';
import type { HeldEntry, LeftEntry, Memory } from '../fleet/plan/memory.ts';
import { isObject, type Json, type JsonObject } from '../lib/json.ts';
import { shortened } from '../lib/text.ts';
import { livingFromJson, livingToJson } from './living-memory.ts';
import { timeFromJson, timeToJson } from './memory-times.ts';

/** The recorded reason for a row that is left to its writer. */
export const leftReason = 'written by another process';

/** The fact about DECNET's table, as a part of the memory. */
export const decnetToJson = ({ syncedAt, failingSince, reason, rival }: DecnetFact): JsonObject => ({
  synced_at: syncedAt === null ? null : timeToJson(syncedAt),
  failing_since: failingSince === null ? null : timeToJson(failingSince),
  reason,
  rival,
});

function decnetFromJson(json: Json | undefined): DecnetFact | null {
  if (!isObject(json)) return null;
  const time = (value: Json | undefined): number | null => timeFromJson(value) || null;
  const text = (value: Json | undefined): string | null => textOf(value) || null;
  return {
    syncedAt: time(json.synced_at),
    failingSince: time(json.failing_since),
    reason: text(json.reason),
    rival: text(json.rival),
  };
}

/** The memory as JSON for `fleet_hosts.notes`; times are ISO 8601. */
export const memoryToJson = (memory: Memory): Json => ({
  held: heldToJson(memory.held),
  left: Object.fromEntries(
    [...memory.left].map(([name, entry]) => [
      name,
      {
        reason: leftReason,
        since: timeToJson(entry.since),
        written_at: timeToJson(entry.writtenAt),
        ran: entry.ran,
      },
    ]),
  ),
  contested: heldToJson(memory.contested),
  ...(memory.decnet === null ? {} : { decnet: decnetToJson(memory.decnet) }),
  ...livingToJson(memory),
});

/** Reads the memory, which an older version or a person may have written. Invalid parts are ignored. */
export function memoryFromJson(json: Json): Memory {
  const part = (name: string): [string, Record<string, Json>][] => {
    const found = isObject(json) ? json[name] : undefined;
    return isObject(found)
      ? Object.entries(found).flatMap(([key, entry]) => (isObject(entry) ? [[key, entry]] : []))
      : [];
  };
  const held = (name: string): ReadonlyMap<string, HeldEntry> =>
    new Map(
      part(name).map(([key, entry]) => [
        key,
        { reason: textOf(entry.reason), since: timeFromJson(entry.since) },
      ]),
    );
  return {
    held: held('held'),
    left: new Map(
      part('left').map(([key, entry]): [string, LeftEntry] => [
        key,
        {
          since: timeFromJson(entry.since),
          writtenAt: timeFromJson(entry.written_at),
          ran: entry.ran === true,
        },
      ]),
    ),
    contested: held('contested'),
    decnet: decnetFromJson(isObject(json) ? json.decnet : undefined),
    ...livingFromJson(json),
  };
}

const heldToJson = (entries: ReadonlyMap<string, HeldEntry>): Json =>
  Object.fromEntries(
    [...entries].map(([name, { reason, since }]) => [name, { reason, since: timeToJson(since) }]),
  );

/** The text of a reason; empty if the value is not a string. */
const textOf = (value: Json | undefined): string => (typeof value === 'string' ? shortened(value) : '');
