import { FleetError } from '../../lib/errors.ts';
import { hashPassword } from '../../lib/password-hash.ts';
import type { Register } from '../context.ts';
import { readPassword } from '../password.ts';

const shortest = 8;
const longest = 1000;

/** Prints the hash of a password, for the file of users. */
export const hashPasswordCommand: Register = (command, context) => {
  command
    .addHelpText(
      'after',
      '\nOn a terminal it asks for the password; otherwise it reads the first line of stdin.',
    )
    .action(async () => {
      const password = await readPassword({ input: process.stdin, ask: context.writeError });
      if (password.length < shortest || password.length > longest)
        throw new FleetError('CONFIG_INVALID', 'The password is too short or too long', {
          advice: `Allowed: ${shortest} to ${longest} characters`,
        });
      context.print(await hashPassword(password));
    });
};
