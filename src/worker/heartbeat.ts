import { healthTopic } from '../fleet/topics.ts';
import type { Bus } from '../pass/announce.ts';

/** Milliseconds between two heartbeats. @see DOMAIN.md, "The bus" */
const heartbeatEveryMs = 30_000;

/** Publishes a heartbeat now and every 30 s. */
export function startHeartbeat(
  bus: Bus,
  worker: { readonly host: string; readonly version: string; readonly intervalSeconds: number },
): { stop(): void } {
  const beat = (): void => {
    const payload = {
      worker: 'reconciler',
      ts: Date.now() / 1000,
      host_uuid: worker.host,
      version: worker.version,
      interval_s: worker.intervalSeconds,
    };
    bus.publish([{ topic: healthTopic, type: 'health', payload }]);
  };
  beat();
  const timer = setInterval(beat, heartbeatEveryMs);
  return { stop: () => clearInterval(timer) };
}
