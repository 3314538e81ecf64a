import type { App } from '../../app/app.ts';
import { countOf } from '../../fleet/words.ts';
import { ageOf } from '../../lib/age.ts';
import { FleetError } from '../../lib/errors.ts';
import type { UndeliveredView } from '../../views/undelivered.ts';
import { type Finding, fault, note, ok } from './finding.ts';

/** Checks for each receiver whether it gets its notifications. A database that does not answer is reported by its own check. */
export async function checkReceivers(app: App): Promise<readonly Finding[]> {
  let found: readonly UndeliveredView[];
  try {
    found = await app.undelivered();
  } catch {
    return [note('unknown: the database does not answer, or is not migrated')];
  }
  if (found.length === 0) return [ok('none: nobody is notified of incidents (DECNET_NOTIFY)')];
  const known = new Set(app.config.receivers.map(({ name }) => name));
  return found.map((one) => findingOf(one, known.has(one.receiver)));
}

function findingOf(
  { receiver, waiting, failed, failedAgeSeconds, fault: reason }: UndeliveredView,
  isKnown: boolean,
): Finding {
  if (failed > 0) {
    const age = failedAgeSeconds === null ? '' : `, the oldest for ${ageOf(failedAgeSeconds * 1000)}`;
    return fault(
      new FleetError(
        'CHECK_FAILED',
        `${receiver}: ${countOf(failed, 'message')} not delivered${age}: ${reason ?? 'the cause is not recorded'}`,
        { advice: 'They are sent again by themselves, for a day. Try it: decnet-fleet notify test' },
      ),
    );
  }
  if (waiting === 0) return ok(`${receiver}: every message is delivered`);
  const waits = `${receiver}: ${countOf(waiting, 'message')} not sent yet`;
  return isKnown ? ok(waits) : note(`${waits}, and this environment has no receiver of that name`);
}
