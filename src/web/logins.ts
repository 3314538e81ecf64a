import { isIPv6 } from 'node:net';

/** Wrong logins with only a short delay, since people make typing errors. */
const cheap = 3;
const shortestWaitMs = 100;
const longestWaitMs = 2000;
const forgottenAfterMs = 15 * 60_000;
/** The minimum time between two log lines about one address. */
const linesApartMs = 60_000;

/** The maximum number of waiting logins of one address. */
const mostWaiting = 20;
/** The maximum number of remembered addresses; the oldest are dropped. */
const mostAddresses = 10_000;

/** A log line about an address: the numbers since the previous line. */
export interface LoginLine {
  readonly address: string;
  readonly wrong: number;
  /** Refused without a check, because too many were waiting. */
  readonly unchecked: number;
}

interface Address {
  /** Since the last correct login. */
  wrong: number;
  lastWrongAt: number;
  lastAt: number;
  waiting: number;
  /** Not logged yet. */
  unsaid: { wrong: number; unchecked: number };
  /** When the last line was logged; null: never. */
  saidAt: number | null;
}

/** Milliseconds from the last wrong login to the next check. @param wrong the number of consecutive wrong logins */
export const waitAfter = (wrong: number): number =>
  wrong === 0 ? 0 : Math.min(longestWaitMs, shortestWaitMs * 2 ** Math.max(0, wrong - cheap));

/**
 * The address that logins are counted for: an IPv4 address, or the /64 network of an IPv6 address, since one client has the
 * whole network.
 * @param ip as returned by a socket
 */
export function loginAddress(ip: string): string {
  const bare = ip.replace(/%.*$/, '');
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1];
  if (mapped !== undefined || !isIPv6(bare)) return mapped ?? bare;
  const [head = [], tail = []] = bare.split('::').map((half) => (half === '' ? [] : half.split(':')));
  const zeros = new Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0');
  const groups = [...head, ...zeros, ...tail]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16));
  return `${groups.join(':')}::/64`;
}

/**
 * Decides when the logins of an address may be checked, and what is logged. All times are milliseconds of a monotonic clock.
 */
export function loginTable() {
  /** Ordered by the last attempt, oldest first. */
  const addresses = new Map<string, Address>();

  const isForgotten = ({ lastAt, waiting }: Address, now: number): boolean =>
    waiting === 0 && now - lastAt >= forgottenAfterMs;
  const isDue = ({ unsaid, saidAt }: Address, now: number): boolean =>
    unsaid.wrong + unsaid.unchecked > 0 && (saidAt === null || now - saidAt >= linesApartMs);
  const say = (address: string, entry: Address, now: number): LoginLine => {
    const line = { address, ...entry.unsaid };
    entry.unsaid = { wrong: 0, unchecked: 0 };
    entry.saidAt = now;
    return line;
  };
  const makeRoom = (): boolean => {
    if (addresses.size < mostAddresses) return true;
    for (const [address, { waiting }] of addresses) if (waiting === 0) return addresses.delete(address);
    return false;
  };

  return {
    /** Records a new login. @returns null: it waits for its check; else the milliseconds after which the client may retry */
    arrive: (address: string, now: number): number | null => {
      const known = addresses.get(address);
      const isKnown = known !== undefined && !isForgotten(known, now);
      addresses.delete(address);
      if (!isKnown && !makeRoom()) return longestWaitMs;
      const entry: Address = isKnown
        ? known
        : {
            wrong: 0,
            lastWrongAt: 0,
            lastAt: now,
            waiting: 0,
            unsaid: { wrong: 0, unchecked: 0 },
            saidAt: null,
          };
      addresses.set(address, entry);
      entry.lastAt = now;
      if (entry.waiting >= mostWaiting) {
        entry.unsaid.unchecked += 1;
        return mostWaiting * waitAfter(entry.wrong);
      }
      entry.waiting += 1;
      return null;
    },
    /** Milliseconds from now until the next check. */
    waits: (address: string, now: number): number => {
      const { wrong = 0, lastWrongAt = 0 } = addresses.get(address) ?? {};
      return Math.max(0, lastWrongAt + waitAfter(wrong) - now);
    },
    /** Records the result of a check. @returns the line to log now; null: none */
    checked: (address: string, isRight: boolean, now: number): LoginLine | null => {
      const entry = addresses.get(address);
      if (entry === undefined) return null;
      entry.waiting -= 1;
      entry.wrong = isRight ? 0 : entry.wrong + 1;
      if (!isRight) {
        entry.lastWrongAt = now;
        entry.unsaid.wrong += 1;
        return isDue(entry, now) ? say(address, entry, now) : null;
      }
      // Keep an address that was logged: the next log line must keep its distance.
      if (entry.waiting === 0 && entry.saidAt === null) addresses.delete(address);
      return null;
    },
    /** Records that a waiting client disconnected. */
    left: (address: string): void => {
      const entry = addresses.get(address);
      if (entry !== undefined) entry.waiting -= 1;
    },
    /** Removes addresses without recent logins. @returns the lines to log now */
    sweep: (now: number): readonly LoginLine[] => {
      const lines: LoginLine[] = [];
      for (const [address, entry] of addresses) {
        if (isDue(entry, now)) lines.push(say(address, entry, now));
        if (isForgotten(entry, now)) addresses.delete(address);
      }
      return lines;
    },
    size: (): number => addresses.size,
  };
}
