import type { Place } from './place.ts';

/** A decky as an INI file asks for it. */
export interface SpecifiedDecky {
  readonly name: string;
  /** The group it is a member of: its section's name, where `amount` is above 1. */
  readonly group: string | null;
  readonly ip: string | null;
  readonly services: readonly string[] | null;
  readonly archetype: string | null;
  readonly nmapOs: string | null;
  /** Minutes. */
  readonly mutateInterval: number | null;
  /** Each service's settings, as text. */
  readonly serviceConfig: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly at: { readonly [key in 'section' | 'ip' | 'services' | 'archetype']: Place };
}
