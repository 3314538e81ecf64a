import { parseDecnetAddress, wrongAddress } from '../decnet-table/address.ts';
import { parseRedisAddress } from '../lib/redis-address.ts';
import { parseReceivers, type ReceiverSettings, webhookSettings } from '../notify/addresses.ts';
import { takenText } from './setting.ts';
import { keyOf, type NamesThatTake, type SettingName, settingOf, settings } from './settings.ts';
import type { Given } from './sources.ts';

/** Reads values by the table of settings. Errors are added to `problems`, and nothing is thrown. */
export function settingReaders(values: ReadonlyMap<SettingName, Given>, problems: string[]) {
  const value = (name: SettingName): string | null => values.get(name)?.text ?? null;
  const wrong = (name: SettingName, found: string): void => {
    problems.push(`${settingLocation(name, values)} is "${found}"; allowed: ${takenText(settingOf(name))}`);
  };
  const text = (name: NamesThatTake<'text' | 'path' | 'flag'>): string | null => {
    const found = value(name);
    const { takes } = settingOf(name);
    if (found !== null && takes.as === 'text' && !takes.holds(found)) wrong(name, found);
    return found;
  };
  /** The error does not contain the value, which may contain a password. */
  const url = (name: NamesThatTake<'address'>): string | null => {
    const found = value(name);
    if (found !== null && !isAddress(found, settings[name].takes.protocols))
      problems.push(
        `${settingLocation(name, values)} is not an address; allowed: ${takenText(settingOf(name))}`,
      );
    return found;
  };
  const checked = (name: SettingName, problemOf: (text: string) => string | null): string | null => {
    const found = value(name);
    const problem = found === null ? null : problemOf(found);
    if (problem !== null) problems.push(`${settingLocation(name, values)} ${problem}`);
    return found;
  };
  return {
    text,
    url,
    /** Of a setting that has a default. */
    filled: (name: 'DECNET_HOST_UUID' | 'DECNET_BUS_ENABLED'): string =>
      text(name) ?? settings[name].fallback,
    wholeNumber: (name: NamesThatTake<'number'>): number => {
      const { takes, fallback } = settings[name];
      const found = value(name);
      const number = wholeNumber(found ?? fallback, takes.from, takes.to);
      if (number === null && found !== null) wrong(name, found);
      return number ?? Number(fallback);
    },
    oneOf: <T extends string>(name: NamesThatTake<'choice'>, allowed: readonly T[]): T => {
      const found = value(name) ?? settings[name].fallback;
      const known = allowed.find((one) => one === found);
      if (known === undefined) wrong(name, found);
      return known ?? (settings[name].fallback as T);
    },
    list: (name: NamesThatTake<'list'>): readonly string[] => {
      const parts = (value(name) ?? '').split(',').map((part) => part.trim());
      const found = parts.filter((part) => part !== '');
      for (const part of found) if (!settings[name].takes.holds(part)) wrong(name, part);
      return [...new Set(found)];
    },
    /** As `url`, for Redis. */
    redisAddress: (name: NamesThatTake<'address of Redis'>) => checked(name, redisProblem),
    /** As `url`, for DECNET's own database. */
    decnetTable: (name: NamesThatTake<'address of DECNET'>) => checked(name, decnetProblem),
    /** The receiver of the one setting, which is a single address, and those of the other. */
    receivers: (
      single: NamesThatTake<'address'>,
      several: NamesThatTake<'receivers'>,
    ): readonly ReceiverSettings[] => {
      const before = problems.length;
      const address = url(single);
      const webhook = address === null || problems.length > before ? [] : [webhookSettings(address)];
      const parsed = parseReceivers(value(several) ?? '');
      problems.push(...parsed.problems.map((problem) => `${settingLocation(several, values)}: ${problem}`));
      return [...webhook, ...parsed.receivers];
    },
  };
}

function redisProblem(text: string): string | null {
  const parsed = parseRedisAddress(text);
  return 'problem' in parsed ? parsed.problem : null;
}

function decnetProblem(text: string): string | null {
  const parsed = parseDecnetAddress(text);
  return 'problem' in parsed ? wrongAddress(parsed.problem) : null;
}

/** What an error calls a setting: its variable, or its location in the configuration file. */
function settingLocation(name: SettingName, values: ReadonlyMap<SettingName, Given>): string {
  const origin = values.get(name)?.origin;
  return origin?.kind === 'config file' ? `${origin.file}:${origin.line}: ${keyOf(name)}` : name;
}

/**
 * Whether an address is unambiguous. Parsers differ for an address without `//`. In an address whose password contains `/`,
 * `?` or `#` unencoded, the rest with the `@` and the real host is parsed as a path.
 */
function isAddress(given: string, protocols: readonly string[]): boolean {
  // A database on a Unix socket has a user and no host: `postgresql://user:password@/name?host=/run/postgresql`.
  const text = given.replace(/^(\s*postgres(?:ql)?:\/\/[^/?#]*@)\//, '$1localhost/');
  if (!/^\s*[a-z][a-z0-9+.-]*:\/\//i.test(text) || !URL.canParse(text)) return false;
  const { protocol, pathname, search, hash } = new URL(text);
  if (!protocols.includes(protocol)) return false;
  // The path of a web address may contain `@`.
  const isOfWeb = protocol === 'http:' || protocol === 'https:';
  return isOfWeb || !`${pathname}${pathname === '' ? search : ''}${hash}`.includes('@');
}

/** Parses a whole number; null: not valid or out of range. */
export function wholeNumber(text: string, from: number, to: number): number | null {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  return number >= from && number <= to ? number : null;
}
