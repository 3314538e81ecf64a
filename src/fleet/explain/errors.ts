import type { ErrorCode } from '../../lib/errors.ts';
import type { Explanation } from './explanation.ts';

/** Every code of an error. */
export const errorExplanations: Readonly<Record<ErrorCode, Explanation>> = {
  CONFIG_INVALID: {
    meaning:
      'An option, an environment variable or a key of the configuration file has a value that is not allowed, or is not known. Exit code 2.',
    advice:
      'The message names it and the allowed values; see also `decnet-fleet COMMAND --help` and `decnet-fleet config`.',
  },
  STATE_FILE_INVALID: {
    meaning:
      'The state file cannot be read, parsed or validated. States are still observed, but no row is added, removed or changed from the file.',
    advice: 'Run `decnet-fleet check FILE`, which prints one line for each error of the file.',
  },
  DATABASE_UNREACHABLE: {
    meaning: 'PostgreSQL does not answer, or refuses the connection.',
    advice: 'Check that it runs, and DATABASE_URL. Workers and schedulers try again by themselves.',
  },
  SCHEMA_MISSING: {
    meaning: 'The database has no tables of decnet-fleet, or those of an older version.',
    advice: 'Run `decnet-fleet migrate`. Workers and schedulers wait for it.',
  },
  DECNET_TABLE_FAILED: {
    meaning: "DECNET's own table (DECNET_DATABASE_URL) cannot be read or written. Passes go on without it.",
    advice:
      'Run `decnet-fleet doctor` on the host. The table is tried again by itself, and what was missed is written then.',
  },
  EMBEDDED_DATABASE_FAILED: {
    meaning: 'The PostgreSQL that comes with the package cannot be started or used.',
    advice:
      'Check the space and the permissions of DECNET_DATA_DIR, or set DATABASE_URL to your own PostgreSQL.',
  },
  QUEUE_UNREACHABLE: {
    meaning: 'The store of the queues does not answer: Redis, or PostgreSQL without REDIS_URL.',
    advice: 'Check that it runs, and REDIS_URL. `decnet-fleet doctor` also checks its settings.',
  },
  JOB_REFUSED: {
    meaning: 'The data of a job is not valid, or the job is for another host. It wrote nothing.',
    advice: 'Correct what adds the job: {"host_uuid": "HOST"} is a complete job.',
  },
  JOB_TIMED_OUT: {
    meaning: 'No worker of the host finished the job in time. The job was removed.',
    advice: 'Check that the worker of that host runs (`decnet-fleet hosts`), or wait longer with --timeout.',
  },
  WAIT_TIMED_OUT: {
    meaning: 'The command `wait` did not see what it waits for within its time-out. Exit code 4.',
    advice: 'The message names what is missing: decnet-fleet status --broken. Wait longer with --timeout.',
  },
  JOB_FAILED: {
    meaning: 'The pass of the job ended with an error.',
    advice: 'The message has the error of the pass. The log of the worker on that host has more.',
  },
  PASS_CONFLICT: {
    meaning:
      'Other passes of the same host were committed while this one observed, three times in a row. It wrote nothing.',
    advice: 'The next pass repeats it. If it happens often, look for a second worker of the same host.',
  },
  OTHER_MACHINE: {
    meaning:
      'The rows of this host belong to another machine that uses the same DECNET_HOST_UUID. Nothing was written.',
    advice:
      'Give each machine its own DECNET_HOST_UUID. If this machine replaces the other one, use --take-over.',
  },
  FLEET_INVALID: {
    meaning: 'An INI file, or the flags of `build`, describe a fleet that cannot be built.',
    advice: 'The message names the section or the flag. Nothing was written.',
  },
  NOT_WRITTEN: {
    meaning: 'A file could not be written, or what would be written exists already. Nothing was changed.',
    advice: 'Check the path and its permissions, or use --force where the message names it.',
  },
  DUMP_INVALID: {
    meaning: 'A dump is incomplete, not valid, or made by a newer version. Nothing was restored.',
    advice: 'Make the dump again, and restore it with the same version or a newer one.',
  },
  NOT_PERMITTED: {
    meaning: 'The database role does not have a privilege that is needed.',
    advice: '`decnet-fleet grant --host H` or `--master ROLE` prints the statements that give it.',
  },
  VALUE_REFUSED: {
    meaning: 'The database does not accept a value, for example a text that is too long.',
    advice: 'The message names the limit. Correct the value where it comes from.',
  },
  NOT_FOUND: {
    meaning: 'The host, decky, file or part that was named does not exist.',
    advice: 'Check the name. `decnet-fleet hosts` and `decnet-fleet status` list what is known.',
  },
  CHECK_FAILED: {
    meaning: 'A check found a fault, or a command was refused because of the present state.',
    advice: 'The message says what to do first.',
  },
};
