import {
  type Period,
  partSpan,
  periodNames,
  periods,
  type Sums,
  shareOf,
  sumsOf,
  worstFirst,
} from '../fleet/fleet-availability.ts';
import { FleetError } from '../lib/errors.ts';
import { didYouMean } from '../lib/similar.ts';
import type { FleetSums } from '../views/availability.ts';
import type { Pages } from '../views/pages.ts';
import { type Query, textOf } from './address.ts';

/** A host over the whole window. */
export interface HostAvailability extends Sums {
  readonly host: string;
  readonly deckies: number;
}

/** A part of the window over the whole fleet. Epoch milliseconds. */
export interface PartAvailability extends Sums {
  readonly from: number;
  readonly to: number;
}

export interface FleetAvailability extends Sums {
  readonly over: Period;
  readonly from: number;
  readonly to: number;
  /** Later than `from` if not all changes of the window were read; epoch milliseconds. */
  readonly readFrom: number;
  /** Worst first. */
  readonly hosts: readonly HostAvailability[];
  readonly parts: readonly PartAvailability[];
}

/** A host in `/api/availability`. */
export interface AvailabilityView {
  readonly host_uuid: string;
  /** 0 to 1; null: no time is known. */
  readonly share: number | null;
  readonly running_s: number;
  readonly known_s: number;
  readonly deckies: number;
}

const secondsOf = (ms: number): number => Math.round(ms / 1000);
const viewOf = (sums: Sums) => ({
  share: shareOf(sums),
  running_s: secondsOf(sums.runningMs),
  known_s: secondsOf(sums.knownMs),
});

/** The availability as JSON. Times are ISO 8601. */
export const availabilityView = ({ over, from, to, readFrom, hosts, parts, ...sums }: FleetAvailability) => ({
  over,
  from: new Date(from).toISOString(),
  to: new Date(to).toISOString(),
  read_from: new Date(readFrom).toISOString(),
  ...viewOf(sums),
  hosts: hosts.map(
    ({ host, deckies, ...ofHost }): AvailabilityView => ({ host_uuid: host, ...viewOf(ofHost), deckies }),
  ),
  parts: parts.map((part) => ({
    from: new Date(part.from).toISOString(),
    to: new Date(part.to).toISOString(),
    ...viewOf(part),
  })),
});

/** The window that an address asks for. @throws FleetError CONFIG_INVALID */
export function periodIn(query: Query): Period {
  const text = textOf(query, 'over') ?? 'day';
  const found = periodNames.find((name) => name === text);
  if (found === undefined)
    throw new FleetError('CONFIG_INVALID', `over "${text}" is not known`, {
      advice: `${didYouMean(text, periodNames)}Allowed: ${periodNames.join(', ')}`,
    });
  return found;
}

/** Reads the availability of the fleet. @param now epoch milliseconds */
export async function readAvailability(
  pages: Pick<Pages, 'availability'>,
  over: Period,
  now: number,
): Promise<FleetAvailability> {
  const { ms, parts } = periods[over];
  const window = { from: now - ms, to: now };
  return summed(over, window, await pages.availability({ ...window, parts }));
}

function summed(
  over: Period,
  window: { from: number; to: number },
  { parts, deckies, readFrom }: FleetSums,
): FleetAvailability {
  const byHost = Map.groupBy(parts, ({ host_uuid }) => host_uuid);
  const byPart = Map.groupBy(parts, ({ part }) => part);
  const count = periods[over].parts;
  return {
    over,
    ...window,
    readFrom,
    ...sumsOf(parts),
    hosts: worstFirst(
      [...byHost].map(([host, some]) => ({ host, deckies: deckies.get(host) ?? 0, ...sumsOf(some) })),
    ),
    parts: Array.from({ length: count }, (_, part) => ({
      ...partSpan(window, count, part),
      ...sumsOf(byPart.get(part) ?? []),
    })),
  };
}
