import type { Json } from '../lib/json.ts';

/** A time in the memory of a host: ISO 8601. @param at epoch milliseconds */
export const timeToJson = (at: number): string => new Date(at).toISOString();

/** Epoch milliseconds; 0 where it is not a time. */
export const timeFromJson = (value: Json | undefined): number =>
  typeof value === 'string' ? Date.parse(value) || 0 : 0;
