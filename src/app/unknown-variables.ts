import type { Environment } from '../lib/environment.ts';
import { nearest } from '../lib/similar.ts';
import { configFileVariable, secretNames, settingNames } from './settings.ts';

/** Variables that only the units of systemd use. */
const ofUnits = ['DASHBOARD_LISTEN', 'DASHBOARD_PORT'];

const known: readonly string[] = [
  ...settingNames,
  ...secretNames.map((name) => `${name}_FILE`),
  configFileVariable,
  ...ofUnits,
];

/** Kubernetes sets these for a service of that name. */
const ofKubernetes = /_SERVICE_(?:HOST|PORT)(?:_|$)|_PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_|$)|$)/;

/**
 * A warning for each variable that looks like one of ours and is none. `DECNET_…` is shared with DECNET, so there only what is
 * close to one of ours is meant.
 */
export function unknownVariables(env: Environment): readonly string[] {
  return Object.keys(env)
    .filter((name) => env[name] && !known.includes(name) && !ofKubernetes.test(name))
    .sort()
    .flatMap((name) => warningOf(name) ?? []);
}

function warningOf(name: string): string | null {
  const [prefix] = /^(?:DASHBOARD|DECNET_FLEET|DECNET)_/.exec(name) ?? [];
  if (prefix === undefined) return null;
  const none = `${name} is set, but there is no such setting`;
  const setting = known.find((one) => `${one}_FILE` === name);
  if (setting !== undefined) return `${none}: ${setting} cannot be given as a file`;
  const near = nearestOf(name, prefix);
  if (near !== null) return `${none}; did you mean ${near}?`;
  return prefix === 'DECNET_' ? null : `${none}; docs/configuration.md lists all`;
}

/** Compares what follows the prefix: with it, all names would be close. */
function nearestOf(name: string, prefix: string): string | null {
  const rest = name.slice(prefix.length);
  const prefixes = prefix === 'DECNET_FLEET_' ? [prefix, 'DECNET_'] : [prefix];
  for (const one of prefixes) {
    const ours = known.filter((other) => other.startsWith(one)).map((other) => other.slice(one.length));
    const near = nearest(rest, ours);
    if (near !== null) return one + near;
  }
  return null;
}
