import { isObject, type Json, type JsonObject } from '../../lib/json.ts';
import { isLike } from '../../lib/pattern.ts';
import { type Severity, severities } from '../incidents/incident.ts';

/** Which messages a receiver gets: those that satisfy all parts. */
export interface Filter {
  /** This severity and above; null: any. */
  readonly severity: Severity | null;
  /** Kinds of incidents; empty: any. */
  readonly kinds: readonly string[];
  /** Patterns of host names, in which `*` stands for any characters; empty: any host. */
  readonly hosts: readonly string[];
}

export const noFilter: Filter = { severity: null, kinds: [], hosts: [] };

/**
 * Whether a receiver gets a message. A message without an incident has the severity `warning` and no kind. The control plane
 * serves every host, so its incidents pass any filter of hosts.
 */
export function isWanted({ severity, kinds, hosts }: Filter, message: JsonObject): boolean {
  const incident = isObject(message.incident) ? message.incident : {};
  if (severity !== null && rank(incident.severity) > severities.indexOf(severity)) return false;
  if (kinds.length > 0 && !kinds.some((kind) => kind === incident.kind)) return false;
  return hosts.length === 0 || namesOf(message.host_uuid, incident).some((host) => matches(hosts, host));
}

const rank = (found: Json | undefined): number => severities.findIndex((one) => one === (found ?? 'warning'));

/** Null: any host may be among them. */
type Name = string | null;

/** The hosts that a message is about. One that lists not all of them is rather sent once too often. */
function namesOf(host: Json | undefined, { hosts, host_names: names }: JsonObject): readonly Name[] {
  if (typeof host === 'string' && host !== '') return [host];
  const listed = Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
  return typeof hosts === 'number' && listed.length > 0 && listed.length >= hosts
    ? listed
    : [...listed, null];
}

const matches = (patterns: readonly string[], host: Name): boolean =>
  host === null || patterns.some((pattern) => isLike(pattern, host));
