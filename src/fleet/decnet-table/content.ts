import { equalJson, isObject, type Json, type JsonObject } from '../../lib/json.ts';
import { parseJson } from '../../lib/json-text.ts';
import { type Content, contentChanges } from '../plan/content.ts';
import type { Row } from '../plan/facts.ts';
import type { DecnetRow } from './row.ts';
import { sameTime } from './times.ts';

/** The fields that DECNET parses. An unknown one would stop its deploy. @see DOMAIN.md, decnet-state.json */
const ownFields: ReadonlySet<string> = new Set([
  'name',
  'ip',
  'services',
  'distro',
  'base_image',
  'build_base',
  'hostname',
  'archetype',
  'service_config',
  'nmap_os',
  'mutate_interval',
  'last_mutated',
  'last_login_attempt',
  'host_uuid',
]);

/** The part of a row of ours that DECNET's table has, too. A pass's `Row` is one. */
export type OurRow = Pick<
  Row,
  'name' | 'services' | 'config' | 'ip' | 'state' | 'lastError' | 'lastSeenUs' | 'updatedUs'
>;

/** A configuration without the fields that DECNET does not know. A newer DECNET's own fields are in the row that it wrote. */
export function configForDecnet(config: JsonObject, theirs: JsonObject | null): JsonObject {
  const isKnown = (key: string): boolean =>
    ownFields.has(key) || (theirs !== null && Object.hasOwn(theirs, key));
  const entries = Object.entries(config);
  return entries.every(([key]) => isKnown(key))
    ? config
    : Object.fromEntries(entries.filter(([key]) => isKnown(key)));
}

/** The content of a row of DECNET's table. What is no JSON is empty. */
export const contentIn = ({ services, deckyConfig, deckyIp }: DecnetRow): Content => {
  const list = parsed(services);
  return { services: Array.isArray(list) ? list : [], config: configIn(deckyConfig), ip: deckyIp };
};

const configIn = (text: string | null): JsonObject | null => {
  const config = parsed(text);
  return isObject(config) ? config : null;
};

function parsed(text: string | null): Json {
  if (text === null) return null;
  try {
    return parseJson(text);
  } catch {
    return null;
  }
}

/** The content columns of a row, as DECNET writes them. @param was the row as it is; null: there is none */
export const contentFor = (
  ours: OurRow,
  was: DecnetRow | null,
): Pick<DecnetRow, 'services' | 'deckyConfig' | 'deckyIp'> => ({
  services: JSON.stringify(ours.services),
  deckyConfig:
    // Only the services of a row that the file does not declare are read.
    ours.config === null
      ? (was?.deckyConfig ?? null)
      : JSON.stringify(configForDecnet(ours.config, configIn(was?.deckyConfig ?? null))),
  deckyIp: ours.ip,
});

/** Which parts of two rows agree. */
export interface Agreement {
  readonly state: boolean;
  readonly content: boolean;
}

/** Compares rows, and remembers which ones agree: most rows do, and stay the same objects from pass to pass. */
export class RowComparer {
  readonly #agreeing = new WeakMap<DecnetRow, Pick<OurRow, 'services' | 'config' | 'lastSeenUs'>>();

  compare(ours: OurRow, theirs: DecnetRow): Agreement {
    const known = this.#agreeing.get(theirs);
    const isKnown = known !== undefined && known.services === ours.services && known.config === ours.config;
    const state =
      theirs.state === ours.state &&
      theirs.lastError === ours.lastError &&
      ((isKnown && known.lastSeenUs === ours.lastSeenUs) || sameTime(theirs.lastSeen, ours.lastSeenUs));
    const content = theirs.deckyIp === ours.ip && (isKnown || hasContent(ours, theirs));
    if (state && content && (!isKnown || known.lastSeenUs !== ours.lastSeenUs))
      this.#agreeing.set(theirs, ours);
    return { state, content };
  }
}

function hasContent(ours: OurRow, theirs: DecnetRow): boolean {
  const found = contentIn(theirs);
  if (ours.config === null) return equalJson(found.services, ours.services);
  if (found.config === null) return false;
  const wanted = {
    ip: ours.ip ?? '',
    services: ours.services,
    config: configForDecnet(ours.config, found.config),
  };
  return contentChanges({ ...found, ip: wanted.ip }, wanted).length === 0;
}
