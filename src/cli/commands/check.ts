import { parseConfig } from '../../app/config.ts';
import { othersOnly } from '../../fleet/desired.ts';
import { FleetError } from '../../lib/errors.ts';
import { type Context, hostOf, type Register } from '../context.ts';
import { option } from '../options.ts';
import { countOf } from '../text.ts';

/** Checks whether a pass would accept a state file; for editors and CI. Exit 0: valid, 1: not valid. */
export const check: Register = (command, context) => {
  command
    .argument('<file>', 'a state file (decnet-state.json)')
    .option('--host <host>', 'the host that the file belongs to (default: this host)', option.host)
    .addHelpText('after', '\nExit code: 0 valid, 1 not valid, 2 wrong usage.')
    .action(async (file: string, options: { host?: string }) => {
      const host = hostOf(parseConfig(context.env), options.host);
      const [{ stateFileReader }, { FaultyStateFile }] = await Promise.all([
        import('../../state-file/read.ts'),
        import('../../state-file/parse.ts'),
      ]);
      const desired = await stateFileReader(file, host).read();
      if (desired.kind === 'absent') throw new FleetError('NOT_FOUND', `${file}: not found`);
      if (desired.kind === 'invalid') {
        const { error } = desired;
        // The error's own message also describes what a pass did; no pass ran here, so print only the faults.
        printFaults(context, error instanceof FaultyStateFile ? error.faults : [error.message]);
        return;
      }
      const hosts: readonly (readonly [string, number])[] = [[host, desired.deckies.size], ...desired.peers];
      const count = hosts.reduce((sum, [, n]) => sum + n, 0);
      const of = hosts
        .filter(([, n]) => n > 0)
        .map(([name, n]) => `${n.toLocaleString('en')} of host ${name}`);
      context.print(
        [`${file}: valid, ${countOf(count, 'decky')}`, ...(of.length > 0 ? [of.join(', ')] : [])].join(': '),
      );
      const warning = othersOnly(desired, host);
      if (warning !== null) context.note(`decnet-fleet: warning: ${file} ${warning}`);
    });
};

function printFaults(context: Context, faults: readonly string[]): void {
  // A key of the file may contain line breaks.
  for (const fault of faults) context.note(`decnet-fleet: ${fault.replace(/\p{Cc}/gu, ' ')}`);
  context.exitCode = 1;
}
