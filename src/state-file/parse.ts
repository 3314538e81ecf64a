import { isIP } from 'node:net';
import { type Decky, isLegalHost, isLegalName } from '../fleet/decky.ts';
import type { Desired } from '../fleet/desired.ts';
import { FleetError } from '../lib/errors.ts';

import { isNumber, isObject, type Json, type JsonObject, property } from '../lib/json.ts';
import { atOnce, isPause, type Steps } from '../lib/steps.ts';
import { isUtf8InPieces, parseInPieces } from './pieces.ts';
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

/** What a known field must be if it is there. Unknown ones are kept as they are. @see DOMAIN.md, decnet-state.json */
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

const requiredDeckyFields = ['name', 'ip', 'services'] as const;

/** Characters of one decky's object: a row holds no more, in which numbers have no exponents. */
const longestDecky = 1024 * 1024;
/** As many faults of one file as anyone reads. */
const mostFaults = 100;

interface Fault {
  readonly what: string;
  readonly advice?: string | undefined;
}

/** JSON, but no state file. The message tells the first fault. */
export class FaultyStateFile extends FleetError {
  /** Each in one line with file and field; at most 100. */
  readonly faults: readonly string[];

  constructor(file: string, first: Fault, faults: readonly Fault[]) {
    const { message, advice = '' } = stateFileInvalid(file, first.what, first.advice);
    super('STATE_FILE_INVALID', message, { advice });
    this.faults = faults.map(({ what }) => `${file}: ${what}`);
  }
}

/**
 * What a state file's text says about one host. The deckies of other hosts are checked all the same.
 * @param file its path, for errors
 * @param host whose deckies count: those that name it, or none
 * @throws FleetError STATE_FILE_INVALID, naming the first field that is wrong
 */
export const parseStateFile = (content: string, file: string, host: string): Desired =>
  atOnce(parseStateFileInSteps(Buffer.from(content), file, host));

/** @param bytes of a state file @see parseStateFile */
export function* parseStateFileInSteps(bytes: Buffer, file: string, host: string): Steps<Desired> {
  const faults: Fault[] = [];
  const document = yield* parseJson(bytes, file);
  const desired = yield* parseDocument(document, host, bytes.length > longestDecky, (what, advice) => {
    if (faults.length < mostFaults) faults.push({ what: typeof what === 'string' ? what : what(), advice });
    return null;
  });
  const [first] = faults;
  if (first !== undefined) throw new FaultyStateFile(file, first, faults);
  if (desired === null) throw stateFileInvalid(file, 'is no state file');
  return desired;
}

/** @param isLong whether a decky may be too large for its row: its text has to be made for that */
function* parseDocument(
  document: Json,
  host: string,
  isLong: boolean,
  report: Report,
): Steps<Desired | null> {
  if (!isObject(document)) return report(`holds ${nameOf(document)} where an object is expected`);
  const config = property(document, 'config');
  if (config === undefined) return report('config is missing');
  if (!isObject(config)) return report(`config must be an object, not ${nameOf(config)}`);
  checkFields(config, configFields, 'config', report);
  const list = property(config, 'deckies');
  if (list === undefined) return report('config.deckies is missing');
  if (!Array.isArray(list)) return report(`config.deckies must be a list, not ${nameOf(list)}`);

  const own = new Map<string, Decky>();
  const byHost = new Map([[host, own]]);
  for (const [at, entry] of (list as readonly Json[]).entries()) {
    if (isPause(at)) yield;
    const where = `config.deckies[${at}]`;
    if (!isObject(entry)) {
      report(`${where} must be an object, not ${nameOf(entry)}`);
      continue;
    }
    const parsed = parseDecky(entry, where, report);
    if (parsed === null) continue;
    const { decky, grows } = parsed;
    if ((isLong || grows > 0) && JSON.stringify(entry).length + grows > longestDecky) {
      report(`${where} is longer than ${longestDecky} characters`);
      continue;
    }
    const owner = (property(entry, 'host_uuid') ?? host) as string;
    const deckies = byHost.get(owner) ?? new Map<string, Decky>();
    byHost.set(owner, deckies);
    const first = deckies.get(decky.name);
    if (first === undefined) deckies.set(decky.name, decky);
    else {
      report(
        () =>
          `${where}.name "${decky.name}" is already that of config.deckies[${list.indexOf(first.config)}] on host ${owner}`,
        'Give each decky of a host its own name.',
      );
    }
  }
  byHost.delete(host);
  const peers = new Map([...byHost].map(([peer, { size }]) => [peer, size]));
  return { kind: 'declared', deckies: own, peers };
}

export const stateFileInvalid = (file: string, what: string, advice?: string, cause?: unknown): FleetError =>
  new FleetError('STATE_FILE_INVALID', `${file}: ${what}`, {
    advice: advice ?? 'No decky was inserted, deleted or changed in content; states were still taken',
    cause,
  });

/** @returns grows: by how many characters its object is longer in a row than in JSON */
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
    services: [...new Set(services as readonly string[])],
    config: entry,
  };
  return { decky, grows };
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

/** The text was cut short or is no JSON: what a reader sees while upstream writes. */
export class NotJson extends FleetError {}

const byteOrderMark = Buffer.from('\uFEFF');

function* parseJson(bytes: Buffer, file: string): Steps<Json> {
  const notJson = (what: string, cause?: unknown): NotJson =>
    new NotJson('STATE_FILE_INVALID', `${file}: ${what}`, {
      advice: 'No decky was inserted, deleted or changed in content; states were still taken',
      cause,
    });
  if (!(yield* isUtf8InPieces(bytes))) throw notJson('is not UTF-8 text');
  const isMarked = bytes.subarray(0, byteOrderMark.length).equals(byteOrderMark);
  const json = isMarked ? bytes.subarray(byteOrderMark.length) : bytes;
  try {
    return yield* parseInPieces(json);
  } catch (error) {
    if (json.toString().trim() === '') throw notJson('is empty');
    // V8's message quotes the file, which may hold secrets: only the place is taken from it.
    const message = error instanceof Error ? error.message : '';
    const place = /line (\d+) column (\d+)/.exec(message);
    if (message.includes('end of JSON') || message.startsWith('Unterminated')) {
      throw notJson('ends in the middle: it is not complete JSON', error);
    }
    throw notJson(`is not JSON${place === null ? '' : ` (line ${place[1]}, column ${place[2]})`}`, error);
  }
}

/** A value for an error: its kind, and the value itself where it is short. */
function nameOf(value: Json): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (isObject(value)) return 'an object';
  const shown = JSON.stringify(value);
  return shown.length > 60 ? `${shown.slice(0, 57)}…` : shown;
}
