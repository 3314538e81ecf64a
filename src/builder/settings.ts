import type { IniSection } from './ini.ts';
import { oneLine, shown, shownList, type Warning } from './location.ts';
import type { SpecifiedDecky } from './specified-decky.ts';

/** A section `[OWNER.SERVICE]`. */
interface Subsection {
  readonly section: IniSection;
  readonly owner: string;
  readonly service: string;
}

interface Setting {
  readonly values: Readonly<Record<string, string>>;
  readonly by: Subsection;
}

/**
 * Applies the service settings to the deckies in the order of the file. A later section replaces an earlier one.
 * @see FLEET_BUILDER.md, "Service subsections"
 */
export function applySettings(
  deckies: readonly SpecifiedDecky[],
  subsections: readonly Subsection[],
): { readonly deckies: readonly SpecifiedDecky[]; readonly warnings: readonly Warning[] } {
  const warnings: Warning[] = [];
  const warn = ({ section }: Subsection, what: string): void => {
    warnings.push({ kind: 'subsection', at: section.at, what });
  };
  // The last of several deckies with the same name is used.
  const byName = new Map(deckies.map((decky) => [decky.name, decky]));
  const settings = new Map<SpecifiedDecky, Map<string, Setting>>();
  let byBeginning: ReadonlyMap<string, readonly SpecifiedDecky[]> | null = null;

  for (const subsection of subsections) {
    const { section, owner, service } = subsection;
    const values = Object.fromEntries(section.all());
    const exact = byName.get(owner);
    byBeginning ??= exact === undefined ? indexByBeginning(deckies) : null;
    const reached = exact === undefined ? (byBeginning?.get(owner) ?? []) : [exact];
    if (reached.length === 0) warn(subsection, `no decky or group is named ${shown(owner)}: ignored`);
    const strangers = reached.filter((decky) => decky !== exact && decky.group !== owner);
    if (strangers.length > 0) {
      const names = shownList([...new Set(strangers.map(({ name }) => name))]);
      const isGroup = strangers.length < reached.length;
      warn(
        subsection,
        isGroup
          ? `also applies to deckies outside the group ${shown(owner)}: ${names}`
          : `no decky or group is named ${shown(owner)}: applies to ${names}, whose names begin with it`,
      );
    }
    for (const decky of reached) {
      const own = settings.get(decky) ?? new Map<string, Setting>();
      const before = own.get(service)?.by;
      if (before !== undefined && before.owner.length > owner.length)
        warn(
          subsection,
          `replaces all settings of [${oneLine(before.section.name)}] for ${shown(decky.name)}: move it above that section`,
        );
      own.set(service, { values, by: subsection });
      settings.set(decky, own);
    }
  }
  return {
    warnings,
    deckies: deckies.map((decky) => {
      const own = settings.get(decky);
      if (own === undefined) return decky;
      return { ...decky, serviceConfig: new Map([...own].map(([service, { values }]) => [service, values])) };
    }),
  };
}

/** Indexes the deckies by each part of their name that is followed by `-`. */
function indexByBeginning(
  deckies: readonly SpecifiedDecky[],
): ReadonlyMap<string, readonly SpecifiedDecky[]> {
  const index = new Map<string, SpecifiedDecky[]>();
  for (const decky of deckies) {
    for (let at = decky.name.indexOf('-'); at >= 0; at = decky.name.indexOf('-', at + 1)) {
      const beginning = decky.name.slice(0, at);
      const found = index.get(beginning);
      if (found === undefined) index.set(beginning, [decky]);
      else found.push(decky);
    }
  }
  return index;
}
