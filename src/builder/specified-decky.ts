import type { Location } from './location.ts';

/** A decky as specified in an INI file. */
export interface SpecifiedDecky {
  readonly name: string;
  /** Its group: the name of its section when `amount` is above 1. */
  readonly group: string | null;
  readonly ip: string | null;
  readonly services: readonly string[] | null;
  readonly archetype: string | null;
  readonly nmapOs: string | null;
  /** Minutes. */
  readonly mutateInterval: number | null;
  /** The settings of each service; all values are strings. */
  readonly serviceConfig: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly at: { readonly [key in 'section' | 'ip' | 'services' | 'archetype']: Location };
}
