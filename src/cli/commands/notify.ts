import { Argument } from 'commander';
import { parseConfig } from '../../app/config.ts';
import { tryReceivers } from '../../app/notify-test.ts';
import { FleetError } from '../../lib/errors.ts';
import { printable } from '../../lib/text.ts';
import type { Register } from '../context.ts';
import { paint, table } from '../text.ts';

/** Tries the receivers of notifications. */
export const notify: Register = (command, context) => {
  command
    .addArgument(new Argument('<action>', 'what to do').choices(['test']))
    .option('--json', 'print JSON')
    .action(async (_action: 'test', { json }: { json?: true }) => {
      const config = parseConfig(context.env);
      if (config.receivers.length === 0)
        throw new FleetError('CONFIG_INVALID', 'No receiver of notifications is configured', {
          advice: 'Set DECNET_NOTIFY; docs/alarms.md has examples',
        });
      context.progress('sending …');
      const tried = await tryReceivers(config);
      context.progress(null);
      if (json) context.printJson({ receivers: tried });
      else
        context.print(
          table(
            context.screen,
            tried.map(({ receiver, origin, delivered, answer }) => [
              paint(context.screen, delivered ? 'green' : 'red', delivered ? 'ok' : 'FAULT'),
              printable(receiver),
              origin,
              printable(answer),
            ]),
          ),
        );
      if (tried.some(({ delivered }) => !delivered)) context.exitCode = 1;
    });
};
