import type { DecnetRow } from '../pass/decnet-table.ts';

/** A row as a list, in the order of `columns`: cheaper to pass between threads than an object. */
export type Values = readonly [
  name: string,
  services: string | null,
  deckyConfig: string | null,
  deckyIp: string | null,
  state: string,
  lastError: string | null,
  lastSeen: string | null,
  updatedAt: string,
];

/** The columns that are read and written, as the table names them. */
export const columns = [
  'name',
  'services',
  'decky_config',
  'decky_ip',
  'state',
  'last_error',
  'last_seen',
  'updated_at',
] as const;

export const valuesOf = (row: DecnetRow): Values => [
  row.name,
  row.services,
  row.deckyConfig,
  row.deckyIp,
  row.state,
  row.lastError,
  row.lastSeen,
  row.updatedAt,
];

export const rowOf = (values: Values): DecnetRow => ({
  name: values[0],
  services: values[1],
  deckyConfig: values[2],
  deckyIp: values[3],
  state: values[4],
  lastError: values[5],
  lastSeen: values[6],
  updatedAt: values[7],
});

export const equalValues = (one: Values, other: Values): boolean =>
  columns.every((_, at) => one[at] === other[at]);

/** What one transaction changes. */
export interface Part {
  readonly deletes: readonly Values[];
  readonly updates: readonly { readonly was: Values; readonly row: Values }[];
  readonly inserts: readonly Values[];
}

/** One database, in the thread that uses it. Calls come one after the other. */
export interface Session {
  readHost(host: string): Promise<readonly Values[]>;
  readRows(host: string, names: readonly string[]): Promise<readonly Values[]>;
  write(host: string, part: Part): Promise<Written>;
  close(): Promise<void>;
}

export interface Written {
  readonly names: readonly string[];
  /** How long the table's locks were held. Milliseconds. */
  readonly heldMs: number;
}

/** Milliseconds between two attempts while another program holds a lock, and after which an attempt is the last. */
export const busy = { pauseMs: 20, untilMs: 2000 } as const;
