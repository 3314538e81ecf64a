import { isUtf8 } from 'node:buffer';
import { isIP } from 'node:net';
import { type Decky, isLegalHost, isLegalName } from '../fleet/decky.ts';
import type { Desired } from '../fleet/desired.ts';
import { FleetError } from '../lib/errors.ts';
import { isNumber, isObject, type Json, type JsonObject, property } from '../lib/json.ts';
import { parseJson } from '../lib/json-text.ts';
import { forEachInSlices } from '../lib/slices.ts';
import { checkStorable, type Report } from './storable.ts';

type Check = { readonly is: string; readonly holds: (value: Json) => boolean };

const text: Check = { is: 'a text', holds: (value) => typeof value === 'string' };
const number: Check = { is: 'a number', holds: isNumber };
const flag: Check = { is: 'true or false', holds: (value) => typeof value === 'boolean' };
const object: Check = { is: 'an object', holds: isObject };
const orNull = (check: Check): Check => ({
  is: `${check.is} or null`,
  holds: (value) => value === null || check.holds(value),
});

/** The check of each known field, if present. Unknown fields are kept unchanged. @see DOMAIN.md, decnet-state.json */
const configFields = Object.entries<Check>({
  mode: text,
  interface: text,
  subnet: text,
  gateway: text,
  log_file: orNull(text),
  ipvlan: flag,
  mutate_interval: orNull(number),
});

const deckyFields = Object.entries<Check>({
  name: {
    is: '1 to 128 of A-Z a-z 0-9 - _ .',
    holds: (value) => typeof value === 'string' && isLegalName(value),
  },
  ip: {
    is: 'an IP address',
    holds: (value) => typeof value === 'string' && value.length <= 100 && isIP(value) !== 0,
  },
  services: {
    is: 'a list of at least one service name',
    holds: (value) => Array.isArray(value) && value.length > 0,
  },
  hostname: orNull(text),
  nmap_os: orNull(text),
  distro: orNull(text),
  base_image: orNull(text),
  build_base: orNull(text),
  archetype: orNull(text),
  service_config: orNull(object),
  mutate_interval: orNull(number),
  last_mutated: orNull(number),
  last_login_attempt: orNull(number),
  host_uuid: {
    is: 'null or a host name of 1 to 64 of A-Z a-z 0-9 - _ .',
    holds: (value) => value === null || (typeof value === 'string' && isLegalHost(value)),
  },
});

/** Of these a host has few different texts, which are long: each is kept once. */
const repeatedFields = ['base_image', 'build_base'] as const;

const requiredDeckyFields = ['name', 'ip', 'services'] as const;

/** Maximum characters of one decky's object as a row stores it, which is without exponents in numbers. */
const longestDecky = 1024 * 1024;
/** More faults of one file are not reported. */
const maxFaults = 100;

interface Fault {
  readonly what: string;
  readonly advice?: string | undefined;
}

/** The file is JSON, but not a state file. The message describes the first fault. */
export class FaultyStateFile extends FleetError {
  /** One line for each fault, with file and field; at most 100. */
  readonly faults: readonly string[];

  constructor(file: string, first: Fault, faults: readonly Fault[]) {
    const { message, advice = '' } = stateFileInvalid(file, first.what, first.advice);
    super('STATE_FILE_INVALID', message, { advice });
    this.faults = faults.map(({ what }) => `${file}: ${what}`);
  }
}

/**
 * Parses what a state file declares for one host. It also checks the deckies of other hosts.
 * @param bytes the whole file
 * @param file the path of the file, for errors
 * @param host the host; a decky belongs to it if its `host_uuid` is this host or null
 * @throws FleetError STATE_FILE_INVALID, naming the first invalid field
 */
export async function parseStateFile(bytes: Buffer, file: string, host: string): Promise<Desired> {
  const faults: Fault[] = [];
  const report: Report = (what, advice) => {
    if (faults.length < maxFaults) faults.push({ what: typeof what === 'string' ? what : what(), advice });
    return null;
  };
  const deckies = deckyCollector(host, bytes.length > longestDecky, report);
  const entries = deckyEntries(parseText(bytes, file), report);
  await forEachInSlices(entries, (entry, at) => deckies.add(entry, at));
  const [first] = faults;
  if (first !== undefined) throw new FaultyStateFile(file, first, faults);
  return deckies.desired();
}

/** The elements of `config.deckies`. Reports a fault and returns none if the document does not have them. */
function deckyEntries(document: Json, report: Report): readonly Json[] {
  const fault = (what: string): readonly Json[] => {
    report(what);
    return [];
  };
  if (!isObject(document)) return fault(`holds ${nameOf(document)} where an object is expected`);
  const config = property(document, 'config');
  if (config === undefined) return fault('config is missing');
  if (!isObject(config)) return fault(`config must be an object, not ${nameOf(config)}`);
  checkFields(config, configFields, 'config', report);
  const list = property(config, 'deckies');
  if (list === undefined) return fault('config.deckies is missing');
  if (!Array.isArray(list)) return fault(`config.deckies must be a list, not ${nameOf(list)}`);
  return list as readonly Json[];
}

interface DeckyCollector {
  add(entry: Json, at: number): void;
  desired(): Desired;
}

/** @param mayBeTooLong whether a decky may be too large for its row, so that its length must be computed */
function deckyCollector(host: string, mayBeTooLong: boolean, report: Report): DeckyCollector {
  const own = new Map<string, Decky>();
  const byHost = new Map([[host, own]]);
  const locations = new Map<Decky, number>();
  const texts = new Map<string, string>();

  const addDecky = (decky: Decky, owner: string, at: number): void => {
    const deckies = byHost.get(owner) ?? new Map<string, Decky>();
    byHost.set(owner, deckies);
    const first = deckies.get(decky.name);
    if (first === undefined) {
      deckies.set(decky.name, decky);
      locations.set(decky, at);
      return;
    }
    report(
      `${deckyLocation(at)}.name "${decky.name}" is already that of ${deckyLocation(locations.get(first) ?? 0)} on host ${owner}`,
      'Give each decky of a host its own name.',
    );
  };

  return {
    add: (entry, at) => {
      const where = deckyLocation(at);
      if (!isObject(entry)) {
        report(`${where} must be an object, not ${nameOf(entry)}`);
        return;
      }
      const parsed = parseDecky(entry, where, report);
      if (parsed === null) return;
      const { decky, grows } = parsed;
      if ((mayBeTooLong || grows > 0) && JSON.stringify(entry).length + grows > longestDecky) {
        report(`${where} is longer than ${longestDecky} characters`);
        return;
      }
      shareTexts(entry, texts);
      addDecky(decky, (property(entry, 'host_uuid') ?? host) as string, at);
    },
    desired: () => {
      byHost.delete(host);
      const peers = new Map([...byHost].map(([peer, { size }]) => [peer, size]));
      return { kind: 'declared', revision: null, changedAt: null, deckies: own, peers };
    },
  };
}

/** Replaces the texts of a decky by equal ones of the deckies before it. @param texts those so far; new ones are added */
function shareTexts(entry: { [field: string]: Json }, texts: Map<string, string>): void {
  for (const field of repeatedFields) {
    const text = property(entry, field);
    if (typeof text !== 'string') continue;
    const known = texts.get(text);
    if (known === undefined) texts.set(text, text);
    else entry[field] = known;
  }
}

const deckyLocation = (at: number): string => `config.deckies[${at}]`;

const nothingWritten = 'No decky was inserted, deleted or changed in content; states were still taken';

export const stateFileInvalid = (file: string, what: string, advice?: string, cause?: unknown): FleetError =>
  new FleetError('STATE_FILE_INVALID', `${file}: ${what}`, {
    advice: advice ?? nothingWritten,
    cause,
  });

/** @returns the decky, and by how many characters (`grows`) its object is longer in a row than in the file */
function parseDecky(
  entry: JsonObject,
  where: string,
  report: Report,
): { decky: Decky; grows: number } | null {
  let isFaulty = false;
  const note: Report = (what, advice) => {
    isFaulty = true;
    return report(what, advice);
  };
  for (const field of requiredDeckyFields) {
    if (property(entry, field) === undefined) note(`${where}.${field} is missing`);
  }
  checkFields(entry, deckyFields, where, note);
  const services = property(entry, 'services');
  for (const [at, service] of (Array.isArray(services) ? (services as readonly Json[]) : []).entries()) {
    if (typeof service !== 'string' || service.trim() === '' || service.length > 128) {
      note(`${where}.services[${at}] must be a service name of 1 to 128 characters, not ${nameOf(service)}`);
    }
  }
  const grows = checkStorable(entry, where, [], note);
  if (isFaulty) return null;
  const decky = {
    name: property(entry, 'name') as string,
    ip: property(entry, 'ip') as string,
    services: withoutDuplicates(services as readonly string[]),
    config: entry,
  };
  return { decky, grows };
}

/** The list itself if it has none: a second one for each decky of a large host is some megabytes. */
function withoutDuplicates(list: readonly string[]): readonly string[] {
  const unique = new Set(list);
  return unique.size === list.length ? list : [...unique];
}

function checkFields(
  fields: JsonObject,
  checks: readonly (readonly [string, Check])[],
  where: string,
  report: Report,
): void {
  for (const [field, check] of checks) {
    const value = property(fields, field);
    if (value !== undefined && !check.holds(value)) {
      report(`${where}.${field} must be ${check.is}, not ${nameOf(value)}`);
    }
  }
}

/** The text is truncated or not JSON, as it is while DECNET writes the file. */
export class NotJson extends FleetError {}

const byteOrderMark = Buffer.from('\uFEFF');

function parseText(bytes: Buffer, file: string): Json {
  const notJson = (what: string, cause?: unknown): NotJson =>
    new NotJson('STATE_FILE_INVALID', `${file}: ${what}`, { advice: nothingWritten, cause });
  if (!isUtf8(bytes)) throw notJson('is not UTF-8 text');
  const isMarked = bytes.subarray(0, byteOrderMark.length).equals(byteOrderMark);
  const text = bytes.toString('utf8', isMarked ? byteOrderMark.length : 0);
  try {
    return parseJson(text);
  } catch (error) {
    if (text.trim() === '') throw notJson('is empty');
    // V8's message quotes the file, which may contain secrets. Only the position is taken from it.
    const message = error instanceof Error ? error.message : '';
    const position = /line (\d+) column (\d+)/.exec(message);
    if (message.includes('end of JSON') || message.startsWith('Unterminated')) {
      throw notJson('ends in the middle: it is not complete JSON', error);
    }
    throw notJson(
      `is not JSON${position === null ? '' : ` (line ${position[1]}, column ${position[2]})`}`,
      error,
    );
  }
}

/** Describes a value for an error message: by its type, or by the value itself if it is short. */
function nameOf(value: Json): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (isObject(value)) return 'an object';
  const shown = JSON.stringify(value);
  return shown.length > 60 ? `${shown.slice(0, 57)}…` : shown;
}
