import { isIPv6 } from 'node:net';

/** Wrong logins that cost little: people mistype. */
const cheap = 3;
const shortestWaitMs = 100;
const longestWaitMs = 2000;
const forgottenAfterMs = 15 * 60_000;
/** Between two lines of the log about one address. */
const linesApartMs = 60_000;

/** How many logins of one address may wait for their check. */
const mostWaiting = 20;
/** How many addresses are remembered; the oldest go. */
const mostAddresses = 10_000;

/** What the log says of an address: how many since the last line about it. */
export interface LoginLine {
  readonly address: string;
  readonly wrong: number;
  /** Refused without a look, because too many waited. */
  readonly unchecked: number;
}

interface Address {
  /** Since the last right one. */
  wrong: number;
  lastWrongAt: number;
  lastAt: number;
  waiting: number;
  /** What the log has not said yet. */
  unsaid: { wrong: number; unchecked: number };
  /** Null: the log said nothing of it yet. */
  saidAt: number | null;
}

/** Milliseconds from the last wrong login to the next check. @param wrong how many in a row */
export const waitAfter = (wrong: number): number =>
  wrong === 0 ? 0 : Math.min(longestWaitMs, shortestWaitMs * 2 ** Math.max(0, wrong - cheap));

/**
 * Who counts as one: an address of IPv4, or the /64 of one of IPv6, of which anybody has all the addresses.
 * @param ip as a socket tells it
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
 * When the logins of an address may be checked, and what the log says of them. Every moment is in milliseconds, of one
 * clock that never goes back.
 */
export function loginTable() {
  /** The one with the oldest attempt is the first. */
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
    /** A login came. @returns null: it waits for its check; else after how many milliseconds it may come again */
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
    /** Milliseconds that its next check has to wait from now on. */
    waits: (address: string, now: number): number => {
      const { wrong = 0, lastWrongAt = 0 } = addresses.get(address) ?? {};
      return Math.max(0, lastWrongAt + waitAfter(wrong) - now);
    },
    /** One of those that waited was checked. @returns what to log now, if anything */
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
      // The log still has to keep its distance to the last line.
      if (entry.waiting === 0 && entry.saidAt === null) addresses.delete(address);
      return null;
    },
    /** One of those that waited went away. */
    left: (address: string): void => {
      const entry = addresses.get(address);
      if (entry !== undefined) entry.waiting -= 1;
    },
    /** Forgets who was quiet for long. @returns what to log now */
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
