import type { App } from '../../app/app.ts';
import { ageOf } from '../../lib/age.ts';
import { FleetError } from '../../lib/errors.ts';
import { type Finding, fault, note, ok } from './finding.ts';

/** Seconds after which a heartbeat is missing: one a minute is sent. */
const lateAfterSeconds = 180;

/** Checks when a heartbeat was last sent to the outside. A database that does not answer is reported by its own check. */
export async function checkHeartbeat(app: App): Promise<Finding> {
  let heartbeat: Awaited<ReturnType<App['heartbeat']>>;
  try {
    heartbeat = await app.heartbeat();
  } catch {
    return note('unknown: the database does not answer, or is not migrated');
  }
  if (heartbeat === null) {
    return app.config.heartbeatUrl === null
      ? ok('off: nobody outside notices when the master dies (DECNET_HEARTBEAT_URL)')
      : note(
          'no scheduler has sent one yet: start `decnet-fleet up`, or `decnet-fleet scheduler`, with DECNET_HEARTBEAT_URL',
        );
  }
  const { sentAgeSeconds, reason, receiver } = heartbeat;
  const last =
    sentAgeSeconds === null
      ? 'none was sent yet'
      : `the last one was sent ${ageOf(sentAgeSeconds * 1000)} ago`;
  const to = receiver === '' ? '' : ` to ${receiver}`;
  if (reason === null && sentAgeSeconds !== null && sentAgeSeconds <= lateAfterSeconds)
    return ok(`${last}${to}`);
  return fault(
    new FleetError('CHECK_FAILED', `${last}${to}: ${reason ?? 'no process sends it'}`, {
      advice:
        reason === null
          ? 'Start the scheduler with DECNET_HEARTBEAT_URL: `decnet-fleet up`, or `decnet-fleet scheduler`'
          : 'It is sent again by itself when this is over',
    }),
  );
}
