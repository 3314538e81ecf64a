import { readFile, stat } from 'node:fs/promises';
import { codeOf, FleetError, reasonOf } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { parseUsers, type User } from './users.ts';

/** Milliseconds between two checks whether the file has changed. */
const pollEveryMs = 1000;
const largestBytes = 1024 * 1024;

/** The users of a file, which is read again when it changes. */
export interface UsersFile {
  find(name: string): User | null;
  close(): void;
}

/**
 * Opens the file of users. A later change that is not valid is logged, and the users stay as they are.
 * @param taken a user that is configured elsewhere and must not be in the file
 * @throws FleetError CONFIG_INVALID
 */
export async function openUsersFile(path: string, taken: string | null, log: Log): Promise<UsersFile> {
  let seen = await versionOf(path);
  let users = await readUsers(path, taken);
  let isChecking = false;
  const check = async (): Promise<void> => {
    if (isChecking) return;
    isChecking = true;
    try {
      const now = await versionOf(path);
      if (now === seen) return;
      seen = now;
      users = await readUsers(path, taken);
      log.info({ file: path, users: users.size }, 'read the users of the dashboard again');
    } catch (error) {
      log.error({ reason: reasonOf(error) }, 'the users of the dashboard stay as they were');
    } finally {
      isChecking = false;
    }
  };
  const timer = setInterval(() => void check(), pollEveryMs).unref();
  return { find: (name) => users.get(name) ?? null, close: () => clearInterval(timer) };
}

/** Differs after each change; of a file that is not there `none`. */
const versionOf = (path: string): Promise<string> =>
  stat(path).then(
    ({ ino, size, mtimeMs, ctimeMs }) => [ino, size, mtimeMs, ctimeMs].join(' '),
    () => 'none',
  );

async function readUsers(path: string, taken: string | null): Promise<ReadonlyMap<string, User>> {
  const { users, problems } = parseUsers(await contentOf(path));
  const all = [
    ...problems,
    ...(taken !== null && users.has(taken) ? [`user ${taken} is also DASHBOARD_USER`] : []),
    ...(users.size === 0 && problems.length === 0 ? ['it has no user'] : []),
  ];
  if (all.length > 0) throw wrong(path, all.join('; '), 'Each line is name:role:hash, the role look or act');
  return users;
}

async function contentOf(path: string): Promise<string> {
  try {
    const { mode, size } = await stat(path);
    if ((mode & 0o026) !== 0)
      throw wrong(
        path,
        `its mode is ${(mode & 0o777).toString(8).padStart(4, '0')}, so that others can read or change it`,
        'Use 0600, or 0640 with the group of the dashboard',
      );
    if (size > largestBytes) throw wrong(path, 'it is larger than 1 MB', 'Check the path');
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof FleetError) throw error;
    throw wrong(path, `it cannot be read (${codeOf(error) ?? reasonOf(error)})`, 'Check the path');
  }
}

const wrong = (path: string, what: string, advice: string): FleetError =>
  new FleetError('CONFIG_INVALID', `DASHBOARD_USERS_FILE ${path}: ${what}`, { advice });
