import { isObject, type Json, property } from '../lib/json.ts';
import type { Counts } from './plan/change.ts';

/**
 * Totals over the passes of a host since its record was created. They are stored in `fleet_hosts.figures`, because
 * passes run on the hosts and `/metrics` is served elsewhere. All values only increase; times are in seconds.
 */
export interface Figures {
  /** The durations of the passes, by result. */
  readonly passes: Readonly<Record<PassResult, Histogram>>;
  readonly changes: Counts;
  /** The time from enqueuing a pass for an event, of Docker or of the file, to writing the row. */
  readonly eventLatency: Histogram;
}

/** `failed`: the state file was unusable, whether or not Docker answered. */
export const passResults = ['ok', 'failed', 'docker_unreachable'] as const;
export type PassResult = (typeof passResults)[number];

export const changeKinds = ['inserted', 'deleted', 'state_updated', 'config_updated'] as const;

/** A histogram as in Prometheus: each bucket counts all values up to its bound, including those of smaller buckets. */
export interface Histogram {
  /** One count for each bound, in the order of the bounds. */
  readonly buckets: readonly number[];
  readonly count: number;
  readonly sum: number;
}

/** The bounds of the buckets, in seconds. */
export const passBounds: readonly number[] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
export const eventBounds: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The figures of one pass that committed. A dry run has none. */
export interface PassFigures {
  readonly result: PassResult;
  readonly seconds: number;
  readonly changes: Counts;
  /** Null: no event triggered the pass, or it wrote no row. */
  readonly eventSeconds: number | null;
}

const empty = (bounds: readonly number[]): Histogram => ({
  buckets: bounds.map(() => 0),
  count: 0,
  sum: 0,
});

const byResult = (histogram: (result: PassResult) => Histogram): Figures['passes'] => ({
  ok: histogram('ok'),
  failed: histogram('failed'),
  docker_unreachable: histogram('docker_unreachable'),
});

export const noFigures: Figures = {
  passes: byResult(() => empty(passBounds)),
  changes: { inserted: 0, deleted: 0, state_updated: 0, config_updated: 0 },
  eventLatency: empty(eventBounds),
};

/** The figures of a host after one more pass. */
export function addPass(before: Figures, pass: PassFigures): Figures {
  const { passes, changes, eventLatency } = before;
  return {
    passes: { ...passes, [pass.result]: withValue(passes[pass.result], passBounds, pass.seconds) },
    changes: {
      inserted: changes.inserted + pass.changes.inserted,
      deleted: changes.deleted + pass.changes.deleted,
      state_updated: changes.state_updated + pass.changes.state_updated,
      config_updated: changes.config_updated + pass.changes.config_updated,
    },
    eventLatency:
      pass.eventSeconds === null ? eventLatency : withValue(eventLatency, eventBounds, pass.eventSeconds),
  };
}

/** The sum is rounded to microseconds, because more digits are noise and would be stored with every pass. */
function withValue(
  { buckets, count, sum }: Histogram,
  bounds: readonly number[],
  seconds: number,
): Histogram {
  // A clock that was set back gives a negative time. Prometheus would treat a decreasing sum as a restart.
  const value = Math.max(0, seconds);
  return {
    buckets: bounds.map((bound, at) => (buckets[at] ?? 0) + Number(value <= bound)),
    count: count + 1,
    sum: Math.round((sum + value) * 1e6) / 1e6,
  };
}

/** The JSON for `fleet_hosts.figures`. Each bucket is stored under its bound, so that the bounds may change later. */
export const figuresToJson = (figures: Figures): Json => ({
  passes: Object.fromEntries(
    passResults.map((result) => [result, histogramToJson(figures.passes[result], passBounds)]),
  ),
  changes: { ...figures.changes },
  event_latency: histogramToJson(figures.eventLatency, eventBounds),
});

/** Reads stored figures, which may be of another version or edited. Invalid parts start at zero, as after a restart. */
export function figuresFromJson(json: Json): Figures {
  const part = (name: string): Json => (isObject(json) ? property(json, name) : undefined) ?? null;
  const passes = part('passes');
  const changes = part('changes');
  const count = (kind: keyof Counts): number => countIn(changes, kind) ?? 0;
  return {
    passes: byResult((result) =>
      histogramFromJson(isObject(passes) ? property(passes, result) : null, passBounds),
    ),
    changes: {
      inserted: count('inserted'),
      deleted: count('deleted'),
      state_updated: count('state_updated'),
      config_updated: count('config_updated'),
    },
    eventLatency: histogramFromJson(part('event_latency'), eventBounds),
  };
}

const histogramToJson = ({ buckets, count, sum }: Histogram, bounds: readonly number[]): Json => ({
  buckets: Object.fromEntries(bounds.map((bound, at) => [String(bound), buckets[at] ?? 0])),
  count,
  sum,
});

/** Returns an empty histogram if any part is invalid: a partial histogram gives wrong quantiles. */
function histogramFromJson(json: Json | undefined, bounds: readonly number[]): Histogram {
  const found = isObject(json) ? property(json, 'buckets') : undefined;
  const buckets = bounds.map((bound) => countIn(found, String(bound)));
  const count = countIn(json, 'count');
  const sum = isObject(json) ? property(json, 'sum') : undefined;
  const counts = [...buckets, count];
  const grows = counts.every((one, at) => one !== null && one >= (counts[at - 1] ?? 0));
  return grows && count !== null && typeof sum === 'number' && sum >= 0
    ? { buckets: buckets.map((one) => one ?? 0), count, sum }
    : empty(bounds);
}

function countIn(json: Json | undefined, key: string): number | null {
  const value = isObject(json) ? property(json, key) : undefined;
  return Number.isSafeInteger(value) && Number(value) >= 0 ? Number(value) : null;
}
