import type { Fault } from './faults.ts';
import type { Part, Values, Written } from './session.ts';

/** What the thread is asked. */
export type Ask =
  /** The rows of a host. @see Answer: only those that changed since the version that the asker has */
  | { readonly kind: 'host'; readonly host: string; readonly known: number | null }
  | { readonly kind: 'more' }
  | { readonly kind: 'rows'; readonly host: string; readonly names: readonly string[] }
  | { readonly kind: 'write'; readonly host: string; readonly part: Part }
  | { readonly kind: 'close' };

export interface Slice {
  readonly rows: readonly Values[];
  /** Whether to ask for more. */
  readonly hasMore: boolean;
}

export type Answer =
  | { readonly kind: 'unchanged' }
  | ({
      readonly kind: 'changed';
      /** Whether these are all rows, and not only those that changed. */
      readonly isWhole: boolean;
      readonly version: number;
      /** Names. */
      readonly removed: readonly string[];
    } & Slice)
  | ({ readonly kind: 'more' } & Slice)
  | { readonly kind: 'rows'; readonly rows: readonly Values[] }
  | ({ readonly kind: 'written' } & Written)
  | { readonly kind: 'closed' };

export type Message = { readonly id: number } & ({ readonly answer: Answer } | { readonly fault: Fault });
