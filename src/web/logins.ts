import { isIPv6 } from 'node:net';

/** Wrong logins with only a short delay, since people make typing errors. */
const cheap = 3;
const shortestWaitMs = 100;
const longestWaitMs = 2000;
const forgottenAfterMs = 15 * 60_000;
/** The minimum time between two log lines about one address. */
const linesApartMs = 60_000;

/** The maximum number of waiting logins of one address. */
const maxWaiting = 20;
/** The maximum number of remembered addresses; the oldest are dropped. */
const maxAddresses = 10_000;

/** A log line about an address: the numbers since the previous line. */
export interface LoginLine {
  readonly address: string;
  readonly wrong: number;
  /** Refused without a check, because too many were waiting. */
  readonly unchecked: number;
}

/** Milliseconds from the last wrong login to the next check. @param wrong the number of consecutive wrong logins */
export const waitMsAfter = (wrong: number): number =>
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

/** The logins of one address. */
class AddressLogins {
  readonly #address: string;
  /** Since the last correct login. */
  #wrong = 0;
  #lastWrongAt = 0;
  #lastAt: number;
  #waiting = 0;
  #unlogged = { wrong: 0, unchecked: 0 };
  /** When the last line was logged; null: never. */
  #loggedAt: number | null = null;

  constructor(address: string, now: number) {
    this.#address = address;
    this.#lastAt = now;
  }

  /** @returns null: it waits for its check; else the milliseconds after which the client may retry */
  arrive(now: number): number | null {
    this.#lastAt = now;
    if (this.#waiting >= maxWaiting) {
      this.#unlogged.unchecked += 1;
      return maxWaiting * waitMsAfter(this.#wrong);
    }
    this.#waiting += 1;
    return null;
  }

  /** Milliseconds from now until the next check. */
  waits(now: number): number {
    return Math.max(0, this.#lastWrongAt + waitMsAfter(this.#wrong) - now);
  }

  checked(isRight: boolean, now: number): void {
    this.#waiting -= 1;
    this.#wrong = isRight ? 0 : this.#wrong + 1;
    if (isRight) return;
    this.#lastWrongAt = now;
    this.#unlogged.wrong += 1;
  }

  left(): void {
    this.#waiting -= 1;
  }

  isWaiting(): boolean {
    return this.#waiting > 0;
  }

  /** Whether a log line was written: the next one must keep its distance. */
  wasLogged(): boolean {
    return this.#loggedAt !== null;
  }

  isForgotten(now: number): boolean {
    return this.#waiting === 0 && now - this.#lastAt >= forgottenAfterMs;
  }

  /** The line to log now; null: none. */
  line(now: number): LoginLine | null {
    const { wrong, unchecked } = this.#unlogged;
    const isDue = this.#loggedAt === null || now - this.#loggedAt >= linesApartMs;
    if (wrong + unchecked === 0 || !isDue) return null;
    this.#unlogged = { wrong: 0, unchecked: 0 };
    this.#loggedAt = now;
    return { address: this.#address, wrong, unchecked };
  }
}

/**
 * Decides when the logins of an address may be checked, and what is logged. All times are milliseconds of a monotonic clock.
 */
export function loginTable() {
  /** Ordered by the last attempt, oldest first. */
  const addresses = new Map<string, AddressLogins>();
  const makeRoom = (): boolean => {
    if (addresses.size < maxAddresses) return true;
    for (const [address, logins] of addresses) if (!logins.isWaiting()) return addresses.delete(address);
    return false;
  };

  return {
    /** Records a new login. @returns null: it waits for its check; else the milliseconds after which the client may retry */
    arrive: (address: string, now: number): number | null => {
      const known = addresses.get(address);
      const isKnown = known !== undefined && !known.isForgotten(now);
      addresses.delete(address);
      if (!isKnown && !makeRoom()) return longestWaitMs;
      const logins = isKnown ? known : new AddressLogins(address, now);
      addresses.set(address, logins);
      return logins.arrive(now);
    },
    /** Milliseconds from now until the next check. */
    waits: (address: string, now: number): number => addresses.get(address)?.waits(now) ?? 0,
    /** Records the result of a check. @returns the line to log now; null: none */
    checked: (address: string, isRight: boolean, now: number): LoginLine | null => {
      const logins = addresses.get(address);
      if (logins === undefined) return null;
      logins.checked(isRight, now);
      if (!isRight) return logins.line(now);
      if (!logins.isWaiting() && !logins.wasLogged()) addresses.delete(address);
      return null;
    },
    /** Records that a waiting client disconnected. */
    left: (address: string): void => addresses.get(address)?.left(),
    /** Removes addresses without recent logins. @returns the lines to log now */
    sweep: (now: number): readonly LoginLine[] => {
      const lines: LoginLine[] = [];
      for (const [address, logins] of addresses) {
        const line = logins.line(now);
        if (line !== null) lines.push(line);
        if (logins.isForgotten(now)) addresses.delete(address);
      }
      return lines;
    },
    size: (): number => addresses.size,
  };
}
