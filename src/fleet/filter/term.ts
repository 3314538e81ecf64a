import type { FleetState } from '../state.ts';

/** The keys whose values are texts. */
export const textKeys = ['host', 'decky', 'ip', 'service', 'reason'] as const;
export type TextKey = (typeof textKeys)[number];
/** All keys of a filter. @see docs/filters.md */
export const filterKeys: readonly string[] = ['state', ...textKeys, 'since'];

/** A part of a filter. Several values of one term are alternatives. */
export type Term = { readonly isExcluded: boolean } & (
  | { readonly kind: 'state'; readonly states: readonly FleetState[] }
  /** Changed within this number of seconds. */
  | { readonly kind: 'since'; readonly seconds: number }
  /** Patterns for one text, or with null for any of them. */
  | { readonly kind: 'text'; readonly key: TextKey | null; readonly patterns: readonly string[] }
);

/** What is searched for: all terms must hold. Empty: everything. */
export type Filter = readonly Term[];

export const noFilter: Filter = [];

/** Whether a pattern must fit a whole text; otherwise a part of it is enough. */
export const isWhole = (key: TextKey | null): boolean => key !== null && key !== 'reason';
