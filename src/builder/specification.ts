import { isLegalName } from '../fleet/decky.ts';
import { strip, wholeNumberOf } from './blank.ts';
import { type IniRules, type IniSection, readIni } from './ini.ts';
import { iniInvalid, type Location, shown, type Warning } from './location.ts';
import { applySettings } from './settings.ts';
import type { SpecifiedDecky } from './specified-decky.ts';
import { isServiceWhileLoading } from './tables.ts';

/** The content of an INI file, before addresses are assigned. @see FLEET_BUILDER.md, section 2 */
export interface Specification {
  /** The name of the file in messages. */
  readonly file: string;
  readonly subnet: string | null;
  readonly gateway: string | null;
  readonly interface: string | null;
  /** DECNET's loader never sets it. */
  readonly mutateInterval: null;
  readonly ownServices: readonly OwnService[];
  readonly deckies: readonly SpecifiedDecky[];
  readonly warnings: readonly Warning[];
  /** The locations of `net` and `gw`; null: not set. */
  readonly subnetAt: Location | null;
  readonly gatewayAt: Location | null;
}

/** A custom service, defined in a section `custom-NAME`. */
export interface OwnService {
  readonly name: string;
  readonly image: string;
  readonly command: string;
  readonly ports: readonly number[];
}

export interface LoadOptions {
  /** The name of the text in messages. */
  readonly file?: string;
  /** `file`: duplicates are errors; `string` (default): duplicates are merged. */
  readonly rules?: IniRules;
}

const maxMembers = 100;

/**
 * Reads the specification of a fleet from the text of an INI file.
 * @throws FleetError FLEET_INVALID with file, section and key
 */
export function loadIni(content: string, options: LoadOptions = {}): Specification {
  const { file = 'INI text', rules = 'string' } = options;
  const sections = readIni(content, file, rules);
  const general = sections.find(({ name }) => name === 'general');
  const subsections: { readonly section: IniSection; readonly owner: string; readonly service: string }[] =
    [];
  const ownServices: OwnService[] = [];
  const deckies: SpecifiedDecky[] = [];
  const [subnet, gateway, networkInterface] = ['net', 'gw', 'interface'].map(
    (key) => general?.get(key) ?? null,
  );

  for (const section of sections) {
    const { name } = section;
    if (name === 'general') continue;
    const dot = name.lastIndexOf('.');
    if (dot >= 0 && isServiceWhileLoading(name.slice(dot + 1)))
      subsections.push({ section, owner: name.slice(0, dot), service: name.slice(dot + 1) });
    else if (name.startsWith('custom-')) ownServices.push(ownServiceOf(section));
    else deckies.push(...deckiesOf(section));
  }
  const settled = applySettings(deckies, subsections);
  return {
    file,
    subnet: subnet ?? null,
    gateway: gateway ?? null,
    interface: networkInterface ?? null,
    mutateInterval: null,
    ownServices,
    deckies: settled.deckies,
    warnings: [...strays(deckies, ownServices), ...settled.warnings],
    subnetAt: subnet == null ? null : (general?.keyLocation('net') ?? null),
    gatewayAt: gateway == null ? null : (general?.keyLocation('gw') ?? null),
  };
}

const ownServiceOf = (section: IniSection): OwnService => ({
  name: section.name.slice('custom-'.length),
  image: section.get('binary') ?? '',
  command: section.get('exec') ?? '',
  ports: (section.get('ports') ?? '')
    .split(',')
    .map(strip)
    .filter((port) => /^[0-9]+$/.test(port))
    .map(Number),
});

function deckiesOf(section: IniSection): readonly SpecifiedDecky[] {
  const ip = section.get('ip') || null;
  const services = section.get('services') || null;
  const decky = {
    ip,
    services: services === null ? null : services.split(',').map(strip),
    archetype: section.get('archetype') || null,
    nmapOs: section.get('nmap_os') || section.get('nmap-os') || null,
    mutateInterval: mutateIntervalOf(section),
    serviceConfig: new Map(),
    at: {
      section: section.at,
      ip: section.keyLocation('ip'),
      services: section.keyLocation('services'),
      archetype: section.keyLocation('archetype'),
    },
  };
  const amount = amountOf(section);
  if (amount > 1 && ip !== null) {
    throw iniInvalid(
      section.keyLocation('ip'),
      `one address (ip ${shown(ip)}) cannot be used for ${amount} deckies (amount)`,
      'Leave out ip, or give each decky its own section',
    );
  }
  const members = Array.from(
    { length: amount },
    (_, at) => `${section.name}-${String(at + 1).padStart(2, '0')}`,
  );
  return (amount === 1 ? [section.name] : members).map((name) => {
    if (!isLegalName(name))
      throw iniInvalid(
        section.at,
        `${shown(name)} is not a valid name for a decky`,
        'Allowed: 1 to 128 of A-Z a-z 0-9 - _ .',
      );
    return { ...decky, name, group: amount === 1 ? null : section.name };
  });
}

function mutateIntervalOf(section: IniSection): number | null {
  const key = ['mutate_interval', 'mutate-interval'].find((one) => section.get(one));
  if (key === undefined) return null;
  const text = section.get(key) ?? '';
  const minutes = wholeNumberOf(text);
  // Larger numbers are not exact and may be written with an exponent.
  if (minutes === null || minutes < 1 || minutes > Number.MAX_SAFE_INTEGER)
    throw iniInvalid(section.keyLocation(key), `${shown(text)} must be a whole number of minutes, 1 or more`);
  return minutes;
}

function amountOf(section: IniSection): number {
  const text = section.get('amount');
  if (text === undefined) return 1;
  const amount = wholeNumberOf(text);
  if (amount === null || amount < 1)
    throw iniInvalid(section.keyLocation('amount'), `${shown(text)} must be a whole number, 1 or more`);
  if (amount > maxMembers)
    throw iniInvalid(
      section.keyLocation('amount'),
      `${shown(text)} is too many: a group has at most ${maxMembers} deckies`,
    );
  return amount;
}

/** Warns about sections that look like the settings of a service but define a decky. */
function strays(deckies: readonly SpecifiedDecky[], own: readonly OwnService[]): readonly Warning[] {
  const names = new Set(deckies.flatMap(({ name, group }) => (group === null ? [name] : [name, group])));
  return deckies.flatMap(({ name, group, at }) => {
    const section = group ?? name;
    const dot = section.lastIndexOf('.');
    if (dot < 0 || !names.has(section.slice(0, dot)) || (group !== null && !name.endsWith('-01'))) return [];
    const service = section.slice(dot + 1);
    const why = own.some((one) => one.name === service)
      ? `custom services have no subsections`
      : `there is no service ${shown(service)}`;
    return [{ kind: 'subsection' as const, at: at.section, what: `defines a decky, not settings: ${why}` }];
  });
}
