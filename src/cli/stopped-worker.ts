import { stoppedBy } from '../fleet/words.ts';
import type { HostWorker } from '../worker/host.ts';
import type { Context } from './context.ts';

/** Says that the worker stopped on request, while the other parts of this process go on. @param parts of this process */
export function reportWhenStopped(
  context: Context,
  worker: Pick<HostWorker, 'stopped'>,
  parts: string,
): void {
  void worker.stopped.then(({ by }) =>
    context.print(
      `The worker was ${stoppedBy(by)}. ${parts} go on; Ctrl-C ends them. To start the worker again, restart this command or run \`decnet-fleet worker\`.`,
    ),
  );
}
