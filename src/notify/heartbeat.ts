import { roundIsOldAfterMs, type Withheld, withheldBecause } from '../fleet/heartbeat.ts';
import type { Log } from '../lib/log.ts';
import { outageLog } from '../lib/outage-log.ts';
import { withinLimit } from '../lib/within-limit.ts';
import type { HeartbeatRecord } from '../pass/heartbeat.ts';
import { ping } from './ping.ts';
import { repeat } from './repeat.ts';

export interface HeartbeatOptions {
  /** The receiver's address; it may contain a token, so only its origin is logged. */
  readonly address: string;
  /** When any scheduler last finished a round, epoch milliseconds; null: not known. */
  lastRound(): Promise<number | null>;
  readonly log: Log;
  /** The default: a heartbeat each minute. */
  readonly times?: HeartbeatTimes;
}

/** In milliseconds. */
interface HeartbeatTimes {
  readonly everyMs: number;
  /** Between two checks at what must be fresh. */
  readonly checkEveryMs: number;
  /** When the last round of the schedule is too old. */
  readonly oldAfterMs: number;
}

const usually: HeartbeatTimes = { everyMs: 60_000, checkEveryMs: 5000, oldAfterMs: roundIsOldAfterMs };
/** A heartbeat is due after this part of the time, so that it goes out at the check after a minute and not at the next one. */
const early = 0.95;
/** The part of the time between two heartbeats after which one that did not arrive is sent again. */
const againAfter = 0.25;

/**
 * Sends a heartbeat to the outside each minute, only while the schedule, the database and the passes are fresh. Any number of
 * processes may run it: one of them sends. When it stops, the receiver tells its people.
 */
export function startHeartbeat(
  record: HeartbeatRecord,
  { address, lastRound, log, times = usually }: HeartbeatOptions,
): { close(): Promise<void> } {
  const stopping = new AbortController();
  const receiver = ping(address);
  const { everyMs, checkEveryMs, oldAfterMs } = times;
  const said = outageLog<Withheld>(
    ({ why, reason }) => log.warn({ why, reason, receiver: receiver.origin }, 'no heartbeat is sent'),
    () => log.info({ receiver: receiver.origin }, 'heartbeats are sent again'),
  );
  const withhold = async (because: Withheld): Promise<void> => {
    said.failed(because);
    const againInMs = everyMs * (early - againAfter);
    await record.withheld(because, receiver.origin, againInMs / 1000);
  };
  const beat = async (): Promise<'rest'> => {
    const [round, passes] = await withinLimit(() =>
      Promise.all([lastRound().catch(() => null), record.passes()]),
    );
    const roundAgeMs = round === null ? null : Math.max(0, Date.now() - round);
    const because = withheldBecause({ roundAgeMs, ...passes }, oldAfterMs);
    if (because !== null) {
      await withinLimit(() => withhold(because));
      return 'rest';
    }
    if (!(await withinLimit(() => record.claim((everyMs * early) / 1000)))) return 'rest';
    const fault = await receiver.send(stopping.signal);
    if (stopping.signal.aborted) return 'rest';
    if (fault !== null) await withinLimit(() => withhold({ why: 'receiver', reason: fault }));
    else {
      said.works();
      await withinLimit(() => record.sent(receiver.origin));
    }
    return 'rest';
  };
  const running = repeat(beat, { what: 'heartbeat', pauseMs: checkEveryMs, stopped: stopping.signal, log });
  return {
    close: async () => {
      stopping.abort();
      await running;
    },
  };
}
