import type { HeldNote, LeftNote, Memory } from '../fleet/plan/memory.ts';
import { isObject, type Json } from '../lib/json.ts';
import { shortened } from '../lib/text.ts';

/** The recorded reason for a row that is left to its writer. */
export const leftReason = 'written by another process';

/** The memory as JSON for `fleet_hosts.notes`; times are ISO 8601. */
export const memoryToJson = (memory: Memory): Json => ({
  held: heldToJson(memory.held),
  left: Object.fromEntries(
    [...memory.left].map(([name, note]) => [
      name,
      {
        reason: leftReason,
        since: iso(note.since),
        written_at: iso(note.writtenAt),
        ran: note.ran,
      },
    ]),
  ),
  contested: heldToJson(memory.contested),
});

/** Reads the memory, which an older version or a person may have written. Invalid parts are ignored. */
export function memoryFromJson(json: Json): Memory {
  const part = (name: string): [string, Record<string, Json>][] => {
    const found = isObject(json) ? json[name] : undefined;
    return isObject(found)
      ? Object.entries(found).flatMap(([key, note]) => (isObject(note) ? [[key, note]] : []))
      : [];
  };
  const held = (name: string): ReadonlyMap<string, HeldNote> =>
    new Map(part(name).map(([key, note]) => [key, { reason: textOf(note.reason), since: ms(note.since) }]));
  return {
    held: held('held'),
    left: new Map(
      part('left').map(([key, note]): [string, LeftNote] => [
        key,
        { since: ms(note.since), writtenAt: ms(note.written_at), ran: note.ran === true },
      ]),
    ),
    contested: held('contested'),
  };
}

const heldToJson = (notes: ReadonlyMap<string, HeldNote>): Json =>
  Object.fromEntries([...notes].map(([name, { reason, since }]) => [name, { reason, since: iso(since) }]));

/** The text of a reason; empty if the value is not a string. */
const textOf = (value: Json | undefined): string => (typeof value === 'string' ? shortened(value) : '');

const iso = (at: number): string => new Date(at).toISOString();
const ms = (value: Json | undefined): number => (typeof value === 'string' ? Date.parse(value) || 0 : 0);
