import type { Redis } from 'ioredis';

/** The maximum number of fields of a hash. A job has some twenty. */
const maxFields = 1000;

/**
 * Runs one reading command, and answers with the size when that is above the limit. The fields of a hash are measured
 * without being read, if the user may do that.
 * KEYS[1] the key; ARGV[1] the limit in bytes; ARGV[2] the command; the rest: its arguments
 */
const script = `
local most, command = tonumber(ARGV[1]), ARGV[2]
local function sizeOf(value)
  if type(value) == 'string' then return #value + 16 end
  if type(value) ~= 'table' then return 16 end
  local sum = 0
  for _, one in ipairs(value) do sum = sum + sizeOf(one) end
  return sum
end
local fields = {}
if command == 'hgetall' then
  local count = redis.call('HLEN', KEYS[1])
  if count > ${maxFields} then return redis.error_reply('TOOMANY ' .. count) end
  fields = redis.pcall('HKEYS', KEYS[1])
elseif command == 'hget' or command == 'hmget' then
  fields = {unpack(ARGV, 3)}
end
local size = 0
if not fields.err then
  for _, field in ipairs(fields) do
    local length = redis.pcall('HSTRLEN', KEYS[1], field)
    if type(length) ~= 'number' then break end
    size = size + #field + length
  end
end
if size <= most then
  local answer = redis.call(command, KEYS[1], unpack(ARGV, 3))
  size = sizeOf(answer)
  if size <= most then return answer end
end
return redis.error_reply('TOOLARGE ' .. size)
`;

interface Measuring {
  measuredRead(key: string, max: number, command: string, ...more: (string | number)[]): Promise<unknown>;
}

/** @param max bytes @returns a function that runs a reading command of Redis; it rejects when the answer is larger */
export function measuredRead(redis: Redis, max: number) {
  if (!('measuredRead' in redis)) redis.defineCommand('measuredRead', { lua: script, numberOfKeys: 1 });
  const measuring = redis as unknown as Measuring;
  return async (command: string, key: string, ...more: readonly (string | number)[]): Promise<unknown> => {
    try {
      return await measuring.measuredRead(key, max, command, ...more);
    } catch (error) {
      const [, why, found] =
        /(TOOLARGE|TOOMANY) (\d+)/.exec(error instanceof Error ? error.message : '') ?? [];
      if (why === undefined) throw error;
      throw why === 'TOOMANY'
        ? new TooLarge(`it has ${found} fields, and at most ${maxFields} are read`)
        : tooLarge(Number(found), max);
    }
  };
}

const inMegabytes = (bytes: number): string => `${Math.round(bytes / 100_000) / 10} MB`;

/** An answer of a store that is larger than its reader accepts. */
export class TooLarge extends Error {}

export const tooLarge = (size: number, max: number): TooLarge =>
  new TooLarge(`it has ${inMegabytes(size)}, and at most ${inMegabytes(max)} are read`);
