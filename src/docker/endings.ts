import type { EndedBy } from '../fleet/plan/cause.ts';
import { type RequestedEnd, stoppedWithEngine } from '../fleet/plan/engine-stop.ts';

/** Seconds between a request to stop a container, or its lack of memory, and its end. Docker waits up to a minute or so. */
const requestedWithinSeconds = 60;
const memoryWithinSeconds = 10;
/** The same for a signal that usually ends nothing, such as SIGHUP: a program may end by itself long after it. */
const otherSignalWithinSeconds = 2;
/** SIGINT, SIGQUIT, SIGABRT, SIGKILL, SIGTERM. After any other signal that stops a container, Docker reports `stop`. */
const endingSignals: ReadonlySet<number> = new Set([2, 3, 6, 9, 15]);
/** The maximum number of containers to remember; the oldest are forgotten. */
const containersKept = 10_000;

/** Remembers who ended containers, from the engine's events. @see LIVING.md, "Who ended it" */
export interface Endings {
  /** @param event.at epoch seconds of the engine's clock @param event.signal null: none, or unknown */
  event(event: ContainerEvent): void;
  /** The engine has closed the stream of its events: it is being stopped, or it has crashed. @param quietSeconds since the last event */
  lost(quietSeconds: number): void;
  /** Who ended a container, by its name; without those that ended by themselves. */
  byName(): ReadonlyMap<string, EndedBy>;
}

export interface ContainerEvent {
  readonly action: string;
  readonly id: string;
  readonly name: string;
  readonly at: number;
  readonly signal: number | null;
}

export function endings(): Endings {
  /** What announced the end of a container, by its id. `until`: epoch seconds. */
  const announced = new Map<string, { readonly by: EndedBy; readonly until: number }>();
  const ended = new Map<string, EndedBy>();
  /** What was asked to end, by its name. */
  const requested = new Map<string, RequestedEnd>();
  const keep = <T>(map: Map<string, T>, key: string, value: T): void => {
    map.delete(key);
    map.set(key, value);
    const [oldest] = map.keys();
    if (map.size > containersKept && oldest !== undefined) map.delete(oldest);
  };
  const noteRequest = ({ action, name, at, signal }: ContainerEvent): void => {
    const known = requested.get(name);
    if (action === 'start') requested.delete(name);
    else if (action === 'kill' && !isRepeated(known, signal, at))
      keep(requested, name, { name, signal, askedAt: at, endedAt: null });
    else if (action === 'die' && known?.endedAt === null) requested.set(name, { ...known, endedAt: at });
  };
  return {
    event: (event) => {
      const { action, id, name, at, signal } = event;
      noteRequest(event);
      if (action === 'kill') keep(announced, id, { by: 'request', until: at + secondsAfter(signal) });
      else if (action === 'oom') keep(announced, id, { by: 'memory', until: at + memoryWithinSeconds });
      else if (action === 'stop') keep(ended, name, 'request');
      else if (action === 'start') ended.delete(name);
      else if (action === 'die') {
        const cause = announced.get(id);
        if (cause !== undefined && at <= cause.until) keep(ended, name, cause.by);
        else ended.delete(name);
        announced.delete(id);
      }
    },
    lost: (quietSeconds) => {
      for (const name of stoppedWithEngine([...requested.values()], quietSeconds))
        keep(ended, name, 'engine');
      requested.clear();
    },
    byName: () => ended,
  };
}

const secondsAfter = (signal: number | null): number =>
  signal === null || endingSignals.has(signal) ? requestedWithinSeconds : otherSignalWithinSeconds;

const sigkill = 9;

/** Whether a container is already ending: it gets SIGKILL if it does not end, and may be asked twice. */
const isRepeated = (known: RequestedEnd | undefined, signal: number | null, at: number): boolean =>
  known !== undefined &&
  known.endedAt === null &&
  at - known.askedAt <= requestedWithinSeconds &&
  (signal === sigkill || signal === known.signal);
