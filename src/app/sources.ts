import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from '../lib/environment.ts';
import { type ConfigFile, type Findings, readConfigFile } from './config-file.ts';
import { secretIn } from './secret-files.ts';
import { keyOf, type SettingName, secretNames, settingNames } from './settings.ts';

/** Where a value comes from. */
export type Origin =
  | { readonly kind: 'environment' }
  | { readonly kind: 'config file'; readonly file: string; readonly line: number }
  /** @param named what names the file: a variable, or a location in the configuration file */
  | { readonly kind: 'secret file'; readonly file: string; readonly named: string }
  | { readonly kind: 'credential'; readonly file: string };

export interface Given {
  readonly text: string;
  readonly origin: Origin;
}

/** What is set, and where. */
export interface Sources {
  /** The configuration file; null: none. */
  readonly file: string | null;
  readonly values: ReadonlyMap<SettingName, Given>;
}

/** Reads what is set: the environment wins over credentials, and these over the configuration file. */
export function readSources(env: Environment, findings: Findings): Sources {
  const file = readConfigFile(env, findings);
  const values = new Map<SettingName, Given>();
  for (const name of settingNames) {
    const given =
      inEnvironment(name, env, findings) ??
      credential(name, env, findings) ??
      (file === null ? null : inFile(name, file, findings));
    if (given !== null && given.text !== '') values.set(name, given);
  }
  return { file: file?.path ?? null, values };
}

const isSecret = (name: SettingName): boolean => secretNames.includes(name);

function inEnvironment(name: SettingName, env: Environment, findings: Findings): Given | null {
  const text = env[name];
  const variable = `${name}_FILE`;
  const path = isSecret(name) ? env[variable] : undefined;
  if (text && path) findings.problems.push(`${name} and ${variable} are both set; unset one of them`);
  if (text) return { text, origin: { kind: 'environment' } };
  return path ? fromFile(path, variable, findings) : null;
}

/** A file that systemd passes to a service (`LoadCredential=`). */
function credential(name: SettingName, env: Environment, findings: Findings): Given | null {
  const directory = env.CREDENTIALS_DIRECTORY;
  if (!directory || !isSecret(name)) return null;
  const file = join(directory, keyOf(name));
  if (!existsSync(file)) return null;
  const { text } = fromFile(file, `The credential ${keyOf(name)}`, findings);
  return { text, origin: { kind: 'credential', file } };
}

function inFile(name: SettingName, file: ConfigFile, findings: Findings): Given | null {
  const [value, named] = [file.values.get(name), file.secretFiles.get(name)];
  const key = keyOf(name);
  if (value !== undefined && named !== undefined)
    findings.problems.push(
      `${file.path}:${named.line}: ${key} and ${key}_file are both set; remove one of them`,
    );
  if (value !== undefined)
    return { text: value.text, origin: { kind: 'config file', file: file.path, line: value.line } };
  return named === undefined
    ? null
    : fromFile(named.text, `${file.path}:${named.line}: ${key}_file`, findings);
}

/** @returns with an empty text if it cannot be read, so that no other source takes its place */
function fromFile(file: string, named: string, { problems }: Findings): Given {
  const content = secretIn(file);
  if ('problem' in content) problems.push(`${named} is "${file}", which ${content.problem}`);
  return { text: 'text' in content ? content.text : '', origin: { kind: 'secret file', file, named } };
}
