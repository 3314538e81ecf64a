import type { Redis } from 'ioredis';
import { type Ended, usersOf } from '../fleet/grant.ts';
import { reasonOf } from '../lib/errors.ts';
import { withinLimit } from '../lib/within-limit.ts';

/** Deletes the Redis users that were granted a host. Redis closes their connections. */
export async function revokeUsers(redis: Redis, host: string): Promise<readonly Ended[]> {
  const list = await withinLimit(() => redis.call('ACL', 'LIST') as Promise<readonly string[]>).catch(
    (error: unknown) => {
      if (reasonOf(error).includes('NOPERM')) return null;
      throw error;
    },
  );
  const common = { kind: 'user' as const, sessions: 0 };
  if (list === null)
    return [
      {
        ...common,
        name: '',
        refused: 'this user is not allowed to use ACL LIST',
        note: null,
      },
    ];
  const ended: Ended[] = [];
  for (const name of usersOf(host, list, redis.options.db ?? 0)) {
    try {
      await withinLimit(() => redis.call('ACL', 'DELUSER', name));
      ended.push({ ...common, name, refused: null, note: await keep(redis) });
    } catch (error) {
      ended.push({ ...common, name, refused: reasonOf(error), note: null });
    }
  }
  return ended;
}

/** Saves the users to the ACL file or the configuration file, so that a restart does not restore them. @returns what remains to be done by hand; null: nothing */
async function keep(redis: Redis): Promise<string | null> {
  try {
    await redis.call('ACL', 'SAVE');
    return null;
  } catch (error) {
    if (!reasonOf(error).includes('not configured to use an ACL file')) return byHand(error);
  }
  try {
    await redis.call('CONFIG', 'REWRITE');
    return null;
  } catch (error) {
    // Without a file, a restart does not restore the users.
    return reasonOf(error).includes('without a config file') ? null : byHand(error);
  }
}

const byHand = (error: unknown): string =>
  `Redis could not save its users (${reasonOf(error)}): also remove the user from its ACL file or configuration file`;
