import { setTimeout as sleep } from 'node:timers/promises';
import type { App } from '../../app/app.ts';
import { requireHost } from '../../app/known-hosts.ts';
import { controlTopic } from '../../fleet/topics.ts';
import { FleetError } from '../../lib/errors.ts';
import { audited } from '../audited.ts';
import { type Context, type Register, withApp } from '../context.ts';
import { option } from '../options.ts';
import { osUser } from '../os-user.ts';

/** Milliseconds between two checks, and between two messages: a message may be lost. */
const pollEveryMs = 250;
const askEveryMs = 5000;

/** Asks a host's worker to stop, and waits until it is gone. */
export const stop: Register = (command, context) => {
  command
    .requiredOption('--host <host>', 'the host', option.host)
    .option('--timeout <seconds>', 'how long to wait', option.seconds, 30)
    .action(({ host, timeout }: { host: string; timeout: number }) =>
      withApp(context, async (app) => {
        if (!(await app.isWorkerRunning(host))) {
          await requireHost(app, host);
          return context.print(`No worker of host ${host} is running.`);
        }
        await audited(app, context, { act: 'stop', host }, () => untilGone(app, context, host, timeout));
        context.progress(null);
        context.print(
          `The worker of host ${host} has stopped. A supervisor such as systemd may start it again; if it ran in \`up\` or \`reconcile\`, the other parts go on.`,
        );
      }),
    );
};

/** Sends the request until the worker is gone. @throws FleetError JOB_TIMED_OUT */
async function untilGone(app: App, context: Context, host: string, timeoutSeconds: number): Promise<void> {
  const bus = await app.bus();
  const until = performance.now() + timeoutSeconds * 1000;
  let askAt = 0;
  while (await app.isWorkerRunning(host)) {
    if (performance.now() > until) {
      throw new FleetError(
        'JOB_TIMED_OUT',
        `The worker of host ${host} is still running after ${timeoutSeconds} s`,
        {
          advice:
            'Its pass may take long, or the bus may not reach it; wait longer with --timeout, or end its process',
        },
      );
    }
    if (performance.now() > askAt) {
      askAt = performance.now() + askEveryMs;
      const payload = {
        action: 'stop',
        requested_by: requester(),
        ts: Date.now() / 1000,
        host_uuid: host,
      };
      bus.publish([{ topic: controlTopic, type: 'control', payload }]);
    }
    context.progress(`waiting for the worker of host ${host} to stop …`);
    await sleep(pollEveryMs);
  }
}

/** Who runs this command, for the people who see that the host is stopped. */
function requester(): string {
  const user = osUser();
  return user === null ? 'decnet-fleet stop' : `${user} (decnet-fleet stop)`;
}
