import type { PartChanges } from '../fleet/broken-over-day.ts';
import type { Filter } from '../fleet/filter/term.ts';
import type { FleetState } from '../fleet/state.ts';
import type { Json } from '../lib/json.ts';
import type { FleetSums, PartedWindow } from './availability.ts';
import type { DeckyRow } from './report.ts';

/** A recorded decky on a page of many hosts. */
export interface ListedDecky extends DeckyRow {
  readonly host_uuid: string;
  /** The number of deckies of its host that match the filter. */
  readonly matched: number;
}

/** A recorded decky on the map of the fleet. */
export interface MappedDecky {
  readonly host_uuid: string;
  readonly name: string;
  readonly state: FleetState;
}

/** The row of one decky with its content. */
export interface RecordedDecky extends DeckyRow {
  readonly decky_config: Json;
}

/** The changes of the last day, by quarters of an hour. */
export interface DayChanges {
  readonly parts: readonly PartChanges[];
  /** The first part of which all changes were read; null: all were. */
  readonly since: number | null;
}

export type Order = 'broken' | 'name' | 'recent';

export interface Pulse {
  /** A text that differs whenever something has changed. */
  readonly text: string;
  /** The hosts that changed within the last seconds; empty: unknown. */
  readonly hosts: readonly string[];
}

export interface Pages {
  /**
   * The deckies of some hosts, in the order of the hosts.
   * @param page.hosts the hosts; all their rows count for `matched`
   * @param page.open hosts whose running deckies are listed, too
   * @param page.perHost the maximum number of deckies for each host; twenty times as many for an open host
   */
  deckies(
    filter: Filter,
    page: {
      hosts: readonly string[];
      open: readonly string[];
      perHost: number;
      /** Whether running deckies are only counted on hosts with more than `perHost` deckies. */
      quiet: boolean;
      order: Order;
    },
  ): Promise<readonly ListedDecky[]>;
  /**
   * The states of the deckies of some hosts that match the filter, sorted by host and name.
   * @param perHost the maximum number of deckies for each host; of more, those with problems
   */
  map(filter: Filter, hosts: readonly string[], perHost: number): Promise<readonly MappedDecky[]>;
  day(): Promise<DayChanges>;
  /** How long deckies were running and known, by host and part of a window. */
  availability(window: PartedWindow): Promise<FleetSums>;
  /** The number of deckies of each host that match the filter. */
  matched(filter: Filter): Promise<ReadonlyMap<string, number>>;
  /** One page of the deckies that match the filter. */
  list(
    filter: Filter,
    page: { host: string | null; limit: number; offset: number },
  ): Promise<{ total: number; deckies: readonly ListedDecky[] }>;
  /** Null: not recorded. */
  decky(host: string, name: string): Promise<RecordedDecky | null>;
  /** All recorded services. */
  services(): Promise<readonly string[]>;
  /** The transitions of one decky since a time, oldest first, and the last one before it. Times are epoch milliseconds. */
  transitions(
    host: string,
    name: string,
    since: number,
  ): Promise<readonly { at: number; to: FleetState | null }[]>;
  /** Returns another text whenever a pass has been committed or a host has become stale. */
  pulse(): Promise<Pulse>;
}
