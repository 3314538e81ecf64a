import type { FleetState } from '../fleet/state.ts';
import type { Json } from '../lib/json.ts';
import type { DeckyRow } from './report.ts';

/** What a reader of the fleet asks for. Null: all. */
export interface DeckyFilter {
  /** A part of the name, the address, a service or the reason, whatever its case. */
  readonly search: string | null;
  readonly state: FleetState | null;
  readonly service: string | null;
}

/** A recorded decky on a page of many hosts. */
export interface ListedDecky extends DeckyRow {
  readonly host_uuid: string;
  /** How many deckies of its host the filter lets through. */
  readonly matched: number;
}

/** The recorded side of one decky. */
export interface RecordedDecky extends DeckyRow {
  readonly decky_config: Json;
}

export type Order = 'broken' | 'name' | 'recent';

export interface Pulse {
  /** Another text: something changed. */
  readonly text: string;
  /** The hosts to which that may have happened: those of the last seconds; none: it cannot be told. */
  readonly hosts: readonly string[];
}

export interface Pages {
  /**
   * The deckies of some hosts, in their order.
   * @param page.hosts all their rows count for `matched`
   * @param page.open hosts of which those that run are shown, too
   * @param page.perHost at most so many of each host; of an open one twenty times as many
   */
  deckies(
    filter: DeckyFilter,
    page: {
      hosts: readonly string[];
      open: readonly string[];
      perHost: number;
      /** Of hosts with more than `perHost` deckies those that run are counted only. */
      quiet: boolean;
      order: Order;
    },
  ): Promise<readonly ListedDecky[]>;
  /** How many deckies of each host the filter lets through. */
  matched(filter: DeckyFilter): Promise<ReadonlyMap<string, number>>;
  /** All that the filter lets through, a page of them. */
  list(
    filter: DeckyFilter & { host: string | null },
    page: { limit: number; offset: number },
  ): Promise<{ total: number; deckies: readonly ListedDecky[] }>;
  /** Null: not recorded. */
  decky(host: string, name: string): Promise<RecordedDecky | null>;
  /** The services that are recorded anywhere. */
  services(): Promise<readonly string[]>;
  /** Transitions of one decky since then, oldest first, and the last one before. `at`: epoch milliseconds. */
  transitions(
    host: string,
    name: string,
    since: number,
  ): Promise<readonly { at: number; to: FleetState | null }[]>;
  /** Changes whenever a pass was committed anywhere, or a host became stale. */
  pulse(): Promise<Pulse>;
}
