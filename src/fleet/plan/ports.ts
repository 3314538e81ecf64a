import { expectedServices } from '../decky.ts';
import { type Container, type ContainerMatch, isRunning } from './container-match.ts';

export type Port = `${'tcp' | 'udp'}/${number}`;

/** The ports of each known service; one of them is enough. @see LIVING.md, "Ports of the known services" */
const knownPorts: ReadonlyMap<string, readonly Port[]> = new Map([
  ['ssh', ['tcp/22']],
  ['telnet', ['tcp/23']],
  ['ftp', ['tcp/21']],
  ['http', ['tcp/80', 'tcp/443']],
  ['https', ['tcp/443']],
  ['smtp', ['tcp/25', 'tcp/587']],
  ['smtp_relay', ['tcp/25', 'tcp/587']],
  ['imap', ['tcp/143', 'tcp/993']],
  ['pop3', ['tcp/110', 'tcp/995']],
  ['ldap', ['tcp/389', 'tcp/636']],
  ['smb', ['tcp/445', 'tcp/139']],
  ['rdp', ['tcp/3389']],
  ['vnc', ['tcp/5900']],
  ['mysql', ['tcp/3306']],
  ['mssql', ['tcp/1433']],
  ['postgres', ['tcp/5432']],
  ['mongodb', ['tcp/27017']],
  ['redis', ['tcp/6379']],
  ['elasticsearch', ['tcp/9200']],
  ['docker_api', ['tcp/2375', 'tcp/2376']],
  ['k8s', ['tcp/6443', 'tcp/8080']],
  ['mqtt', ['tcp/1883']],
  ['conpot', ['tcp/502']],
  ['dns', ['udp/53', 'tcp/53']],
  ['tftp', ['udp/69']],
  ['snmp', ['udp/161']],
  ['sip', ['udp/5060', 'tcp/5060']],
  ['llmnr', ['udp/5355', 'udp/5353']],
]);

/** The known ports of a service; none: the service is unknown, and is not checked. */
export const portsOf = (service: string): readonly Port[] =>
  knownPorts.get(service.replaceAll('-', '_')) ?? [];

/** What listens in the networks of base containers, as the host's engine and kernel show it. */
export type ObservedPorts =
  /** The check is off or impossible, and why. */
  | { readonly kind: 'unchecked'; readonly why: string }
  | {
      readonly kind: 'checked';
      /**
       * By the name of the base container. The ports are complete for the services in its network. `later`: a later pass reads
       * them. Missing: they cannot be read.
       */
      readonly byBase: ReadonlyMap<string, ReadonlySet<Port> | 'later'>;
    };

export const portsOff = { kind: 'unchecked', why: 'DECNET_CHECK_PORTS is off' } satisfies ObservedPorts;

/** For people, on the page of a host and in `doctor`. */
export const uncheckedInWords = (why: string): string => `Ports are not checked: ${why}`;

/** A running service on none of whose ports anything listened. */
export interface SilentEntry {
  /** When a pass first saw that, epoch milliseconds of the database's clock. */
  readonly since: number;
  /** Whether a second check saw it too: the service then counts as not running. */
  readonly isConfirmed: boolean;
}

export type SilentEntries = ReadonlyMap<string, SilentEntry>;

export interface Silence {
  /** The services that count as not running. */
  readonly silent: ReadonlySet<string>;
  readonly entries: SilentEntries;
  /** Milliseconds until the next check of the decky; null: the schedule is enough. */
  readonly recheckMs: number | null;
}

interface SilenceFacts {
  readonly services: readonly string[];
  /** Null: Docker did not answer. */
  readonly match: ContainerMatch | null;
  readonly ports: ObservedPorts;
  readonly before: SilentEntries | undefined;
  /** Epoch milliseconds. */
  readonly now: number;
}

/** Seconds between two checks, and for which a service has run before the first one counts: it may start slowly. */
const checkSeconds = 10;

const nothing: Silence = { silent: new Set(), entries: new Map(), recheckMs: null };

/** Which services do not listen. @see CONTRACT.md, "A living host", f */
export function silenceOf(facts: SilenceFacts): Silence {
  const { services, match, ports, before = nothing.entries, now } = facts;
  if (match === null) return { ...nothing, silent: silentOf(before), entries: before };
  if (ports.kind === 'unchecked' || match.base === null || !isRunning(match.base)) return nothing;
  const open = ports.byBase.get(match.base.name);
  if (open === undefined) return nothing;
  const entries = new Map<string, SilentEntry>();
  let recheckMs = Number.POSITIVE_INFINITY;
  for (const service of expectedServices(services)) {
    const container = match.services.get(service);
    const known = portsOf(service);
    if (container === undefined || known.length === 0 || !isIn(container, match.base)) continue;
    const check = checkOf(container, before.get(service), open === 'later' ? null : isOpen(known, open), now);
    if (check.entry !== null) entries.set(service, check.entry);
    recheckMs = Math.min(recheckMs, check.recheckMs ?? recheckMs);
  }
  return { silent: silentOf(entries), entries, recheckMs: Number.isFinite(recheckMs) ? recheckMs : null };
}

/** The services of a decky that two checks found silent. */
export const silentOf = (entries: SilentEntries | undefined): ReadonlySet<string> =>
  entries === undefined || entries.size === 0
    ? nothing.silent
    : new Set([...entries].filter(([, { isConfirmed }]) => isConfirmed).map(([service]) => service));

/** Whether a container runs in the network of this base. One in a restart loop has a fault already. */
const isIn = (container: Container, base: Container): boolean =>
  isRunning(container) && container.loop.kind === 'none' && container.owner === base.name;

const isOpen = (known: readonly Port[], open: ReadonlySet<Port>): boolean =>
  known.some((port) => open.has(port));

interface PortCheck {
  readonly entry: SilentEntry | null;
  readonly recheckMs: number | null;
}

/** @param listens null: a later pass sees it */
function checkOf(
  { ageSeconds, network }: Container,
  before: SilentEntry | undefined,
  listens: boolean | null,
  now: number,
): PortCheck {
  if (listens === true) return { entry: null, recheckMs: null };
  // Whether it is cut off is not known yet.
  if (listens === null || network === 'unverified') {
    const isWaited = before !== undefined && !before.isConfirmed;
    return { entry: before ?? null, recheckMs: isWaited ? checkSeconds * 1000 : null };
  }
  if (ageSeconds === null || ageSeconds < checkSeconds) {
    const entry = before?.isConfirmed === true ? before : null;
    return { entry, recheckMs: (checkSeconds - (ageSeconds ?? 0)) * 1000 };
  }
  if (before?.isConfirmed === true) return { entry: before, recheckMs: null };
  const passedMs = before === undefined ? 0 : now - before.since;
  // Started again since the first check, which then does not count.
  const isFirst = before === undefined || passedMs < 0 || passedMs > ageSeconds * 1000;
  if (isFirst) return { entry: { since: now, isConfirmed: false }, recheckMs: checkSeconds * 1000 };
  const leftMs = checkSeconds * 1000 - passedMs;
  return leftMs > 0
    ? { entry: before, recheckMs: leftMs }
    : { entry: { ...before, isConfirmed: true }, recheckMs: null };
}

/** `80 or 443`, `69/udp`, `53`: the ports on which a service could listen. */
export function portsInWords(service: string): string {
  const ports = portsOf(service);
  const numbers = [...new Set(ports.map((port) => Number(port.slice(4))))];
  return numbers.map((at) => (ports.includes(`tcp/${at}`) ? `${at}` : `${at}/udp`)).join(' or ');
}
