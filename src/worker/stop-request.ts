import { controlAction, controlTopic } from '../fleet/topics.ts';
import type { Log } from '../lib/log.ts';
import type { Bus } from '../pass/announce.ts';

/** Resolves when a message asks this host's worker to stop. */
export const stopRequest = (bus: Bus, host: string, log: Log): Promise<void> =>
  new Promise((stop) => {
    bus.subscribe(controlTopic, (payload, scope) => {
      const action = controlAction(payload, host, scope);
      if (action === 'stop') stop();
      if (action === 'names no host') log.warn({ host }, 'ignored a control message without host_uuid');
    });
  });
