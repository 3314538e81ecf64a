import { parseRedisAddress, type RedisTls, redisTlsVariables } from '../lib/redis-address.ts';
import type { settingReaders } from './setting-readers.ts';

/** The address of Redis and the files for TLS. @param problems gets what is wrong with them, without the address */
export function redisSettings(
  read: Pick<ReturnType<typeof settingReaders>, 'redisAddress' | 'text'>,
  problems: string[],
): { readonly redisUrl: string | null; readonly redisTls: RedisTls | null } {
  const redisUrl = read.redisAddress('REDIS_URL');
  const address = redisUrl === null ? null : parseRedisAddress(redisUrl);
  if (address === null || 'problem' in address) return { redisUrl, redisTls: null };
  const file = (part: keyof RedisTls): string | null => read.text(redisTlsVariables[part]);
  const redisTls: RedisTls = { caFile: file('caFile'), certFile: file('certFile'), keyFile: file('keyFile') };
  if (!address.isTls) {
    const set = Object.values(redisTlsVariables).find((name) => read.text(name) !== null);
    // Otherwise somebody who wants TLS would not notice that there is none.
    if (set !== undefined)
      problems.push(`${set} is set, but REDIS_URL has no TLS; write it as rediss://… or rediss+sentinel://…`);
    return { redisUrl, redisTls: null };
  }
  if ((redisTls.certFile === null) !== (redisTls.keyFile === null)) {
    const missing = redisTls.certFile === null ? 'certFile' : 'keyFile';
    problems.push(`${redisTlsVariables[missing]} is not set; set both, or neither`);
  }
  return { redisUrl, redisTls };
}
