import { type Filter, noFilter } from '../fleet/alerts/filter.ts';
import { isIncidentKind, severities } from '../fleet/incidents/incident.ts';

export type ReceiverKind = 'webhook' | 'slack' | 'ntfy' | 'alertmanager' | 'mail' | 'syslog';

/** A receiver of notifications, as it is configured. */
export interface ReceiverSettings {
  readonly kind: ReceiverKind;
  /** Messages wait under it. It contains no secret. Empty: the receiver of DECNET_WEBHOOK_URL. */
  readonly key: string;
  /** For people, and unique. */
  readonly name: string;
  /** With the scheme of its protocol, without the parameters that are for us. It may contain a token or a password. */
  readonly url: URL;
  readonly filter: Filter;
  /** Of mail. */
  readonly from: string;
  readonly to: readonly string[];
}

export const webhookVariable = 'DECNET_WEBHOOK_URL';

/** The one receiver of DECNET_WEBHOOK_URL, which gets everything. */
export const webhookSettings = (address: string): ReceiverSettings => ({
  kind: 'webhook',
  key: '',
  name: webhookVariable,
  url: new URL(address),
  filter: noFilter,
  from: '',
  to: [],
});

interface Scheme {
  readonly kind: ReceiverKind;
  /** Of the address that is used. */
  readonly protocol: string;
  /** Why a path is not allowed, or is required; absent: anything goes. */
  readonly path?: 'none' | 'topic';
}

const schemes: Readonly<Record<string, Scheme>> = {
  https: { kind: 'webhook', protocol: 'https' },
  http: { kind: 'webhook', protocol: 'http' },
  'slack+https': { kind: 'slack', protocol: 'https' },
  'slack+http': { kind: 'slack', protocol: 'http' },
  'ntfy+https': { kind: 'ntfy', protocol: 'https', path: 'topic' },
  'ntfy+http': { kind: 'ntfy', protocol: 'http', path: 'topic' },
  'alertmanager+https': { kind: 'alertmanager', protocol: 'https' },
  'alertmanager+http': { kind: 'alertmanager', protocol: 'http' },
  smtp: { kind: 'mail', protocol: 'smtp', path: 'none' },
  smtps: { kind: 'mail', protocol: 'smtps', path: 'none' },
  'syslog+udp': { kind: 'syslog', protocol: 'udp', path: 'none' },
  'syslog+tcp': { kind: 'syslog', protocol: 'tcp', path: 'none' },
};

/** Parameters for us, in the query or after `#`. They are removed from the address. */
const ours = ['severity', 'kind', 'host', 'name'];
const ofMail = ['from', 'to'];

/**
 * The receivers of DECNET_NOTIFY: addresses with white space between them.
 * @returns also one problem for each wrong address. A problem contains nothing of the address: any part may be a password.
 */
export function parseReceivers(text: string): {
  readonly receivers: readonly ReceiverSettings[];
  readonly problems: readonly string[];
} {
  const receivers: ReceiverSettings[] = [];
  const problems: string[] = [];
  const addresses = text.split(/\s+/).filter((one) => one !== '');
  for (const [at, address] of addresses.entries()) {
    try {
      receivers.push(parseReceiver(address, new Set(receivers.map(({ name }) => name))));
    } catch (error) {
      if (!(error instanceof WrongAddress)) throw error;
      problems.push(`address ${at + 1} ${error.message}`);
    }
  }
  return { receivers, problems };
}

class WrongAddress extends Error {}

function parseReceiver(address: string, taken: ReadonlySet<string>): ReceiverSettings {
  const [, name = '', rest = ''] = /^([a-z+]+):\/\/(.*)$/is.exec(address) ?? [];
  const scheme = Object.hasOwn(schemes, name.toLowerCase()) ? schemes[name.toLowerCase()] : undefined;
  if (scheme === undefined)
    throw new WrongAddress(`does not begin with one of ${Object.keys(schemes).join('://, ')}://`);
  const whole = `${scheme.protocol}://${rest}`;
  if (!URL.canParse(whole) || new URL(whole).hostname === '') throw new WrongAddress('is not an address');
  const url = new URL(whole);
  const isMail = scheme.kind === 'mail';
  const given = takeParameters(url, isMail ? [...ours, ...ofMail] : ours, scheme.path === 'none');
  checkPath(url, scheme);
  const [from, to] = isMail ? mailOf(url, given) : ['', []];
  const known = nameOf(given.get('name'), `${scheme.kind} ${url.host}`, taken);
  return { kind: scheme.kind, key: known, name: known, url, filter: filterOf(given), from, to };
}

/** Takes the parameters for us out of the query and the part after `#`. `+` is not a space: it is common in mail addresses. */
function takeParameters(url: URL, names: readonly string[], takesAll: boolean): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const take = (part: string): boolean => {
    const [, name = '', value = ''] = /^([^=]*)=?(.*)$/s.exec(part) ?? [];
    if (!names.includes(name)) return false;
    if (found.has(name)) throw new WrongAddress(`has ${name} twice`);
    found.set(name, decoded(value));
    return true;
  };
  const split = (text: string): readonly string[] =>
    text
      .slice(1)
      .split('&')
      .filter((part) => part !== '');
  const rest = split(url.search).filter((part) => !take(part));
  const unknown = split(url.hash).filter((part) => !take(part));
  if (unknown.length > 0 || (takesAll && rest.length > 0))
    throw new WrongAddress(`has a parameter that is none of ${names.join(', ')}`);
  url.search = rest.join('&');
  url.hash = '';
  return found;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new WrongAddress('has a parameter with a wrong % in it');
  }
}

function checkPath(url: URL, { path }: Scheme): void {
  if (path === 'none' && !['', '/'].includes(url.pathname))
    throw new WrongAddress('has a path, or a password in which / ? # or @ is not encoded');
  if (path === 'topic' && /^\/*$/.test(url.pathname)) throw new WrongAddress('has no topic after the host');
}

function mailOf(url: URL, given: ReadonlyMap<string, string>): [string, readonly string[]] {
  const from = given.get('from') ?? decoded(url.username);
  const to = listOf(given.get('to'));
  if (!isMailAddress(from)) throw new WrongAddress('has no valid mail address in from=');
  if (to.length === 0 || !to.every(isMailAddress))
    throw new WrongAddress('has no valid mail addresses in to=');
  return [from, to];
}

const isMailAddress = (text: string): boolean => /^[^\s@<>(),;:"\\]+@[^\s@<>(),;:"\\]+$/.test(text);

const listOf = (text: string | undefined): readonly string[] =>
  (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

function filterOf(given: ReadonlyMap<string, string>): Filter {
  const severity = given.get('severity') ?? null;
  const known = severities.find((one) => one === severity) ?? null;
  if (severity !== known) throw new WrongAddress(`has a severity that is none of ${severities.join(', ')}`);
  const [kinds, hosts] = [listOf(given.get('kind')), listOf(given.get('host'))];
  if (!kinds.every(isIncidentKind) || (given.has('kind') && kinds.length === 0))
    throw new WrongAddress('has a kind that is not a kind of incidents');
  if (!hosts.every((one) => /^[\w.*-]+$/.test(one)) || (given.has('host') && hosts.length === 0))
    throw new WrongAddress('has a host that is not a name with * for any characters');
  return { severity: known, kinds, hosts };
}

/** The given name, else the usual one with a number if it is taken. */
function nameOf(given: string | undefined, usual: string, taken: ReadonlySet<string>): string {
  if (given === undefined) {
    for (let at = 1; ; at += 1) {
      const name = at === 1 ? usual : `${usual} ${at}`;
      if (!taken.has(name)) return name;
    }
  }
  if (!/^[\w][\w .-]{0,63}$/.test(given) || given === webhookVariable)
    throw new WrongAddress('has a name that is not 1 to 64 of A-Z a-z 0-9 - _ . and spaces');
  if (taken.has(given)) throw new WrongAddress('has the same name as an earlier one');
  return given;
}
