import { closeSync, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { createRequire } from 'node:module';
import type { Document, Node } from 'yaml';
import type { Environment } from '../lib/environment.ts';
import { codeOf } from '../lib/errors.ts';
import { nearest } from '../lib/similar.ts';
import {
  configFileVariable,
  keyOf,
  type SettingName,
  secretNames,
  settingNames,
  settingOf,
} from './settings.ts';

/** Where the file is looked for. Never in the current directory: anybody may have written what lies there. */
export const usualConfigFile = '/etc/fleet/fleet.yaml';

/** A value of the file. */
export interface Entry {
  /** As the variable would have it. */
  readonly text: string;
  /** From 1. */
  readonly line: number;
}

export interface ConfigFile {
  readonly path: string;
  readonly values: ReadonlyMap<SettingName, Entry>;
  /** The paths of files with secrets: `database_url_file`. */
  readonly secretFiles: ReadonlyMap<SettingName, Entry>;
}

/** What is found out while settings are read. */
export interface Findings {
  /** What is wrong, each with its location. */
  readonly problems: string[];
  readonly warnings: string[];
}

const longestFile = 1024 * 1024;

/**
 * Reads the configuration file: the named one, which must exist, else the usual one if there is one. Null: there is none, or it
 * cannot be read.
 */
export function readConfigFile(
  env: Environment,
  findings: Findings,
  usual: string = usualConfigFile,
): ConfigFile | null {
  const named = env[configFileVariable] || null;
  const path = named ?? usual;
  const content = contentOf(path);
  if ('code' in content) {
    if (named !== null)
      findings.problems.push(`${configFileVariable} is "${path}", which cannot be read (${content.code})`);
    else if (content.code === 'EACCES')
      findings.warnings.push(
        `${path} is not used: this user may not read it, or its directory. Allow it, or set ${configFileVariable} to another file`,
      );
    return null;
  }
  const wrong = untrusted(content.stats);
  if (wrong !== null) {
    findings.problems.push(`${path} ${wrong}`);
    return null;
  }
  return parseConfigFile(path, content, findings);
}

interface Content {
  readonly text: string;
  readonly stats: Stats;
}

function contentOf(path: string): Content | { readonly code: string } {
  try {
    const fd = openSync(path, 'r');
    try {
      const stats = fstatSync(fd);
      return { text: stats.size > longestFile ? '' : readFileSync(fd, 'utf8'), stats };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    return { code: codeOf(error) ?? 'unknown error' };
  }
}

function untrusted(stats: Stats): string | null {
  if (stats.size > longestFile) return 'is larger than 1 MB';
  // A file that anybody writes could name another database. A pipe or /dev/null was chosen on purpose.
  if (stats.isFile() && (stats.mode & 0o002) !== 0)
    return 'can be written by every user of this machine, so it is not used; run `chmod o-w` on it';
  return null;
}

function parseConfigFile(path: string, { text, stats }: Content, findings: Findings): ConfigFile {
  const file = { path, values: new Map<SettingName, Entry>(), secretFiles: new Map<SettingName, Entry>() };
  // For example /dev/null. The parser is 73 modules, which need not be loaded for nothing.
  if (text === '') return file;
  // Loaded only where there is a file, and here, not with `import`: settings are read before anything waits.
  const yaml = createRequire(import.meta.url)('yaml') as typeof import('yaml');
  const lines = new yaml.LineCounter();
  // Without types, every value is the text that stands there, as in a variable.
  const document = yaml.parseDocument(text, {
    schema: 'failsafe',
    lineCounter: lines,
    prettyErrors: false,
  });
  const at = (offset: number): number => lines.linePos(offset).line;
  const faulty = (line: number, what: string): void =>
    void findings.problems.push(`${path}:${line}: ${what}`);
  const faults = [...document.errors, ...document.warnings];
  // Its own message may contain a part of a password.
  for (const { code, pos } of faults) faulty(at(pos[0]), `not valid YAML: ${yamlFault(code)}`);
  if (faults.length > 0 || document.contents === null) return file;
  if (!yaml.isMap(document.contents)) {
    if (!yaml.isScalar(document.contents) || document.contents.value !== '')
      faulty(1, 'not a list of settings; each is a line `key: value`');
    return file;
  }
  for (const { key, value } of document.contents.items) {
    const line = at((key as Node).range?.[0] ?? 0);
    const name = yaml.isScalar(key) ? String(key.value) : '';
    const found = knownKey(name);
    if (found === null) {
      faulty(line, unknownKey(name));
      continue;
    }
    const parts = partsOf(yaml, document, value);
    const entry = parts === null ? null : textOf(found, parts);
    if (entry === null)
      faulty(line, `${name} takes ${found.isList ? 'a text or a list of texts' : 'one value'}`);
    else if (entry !== '')
      (found.isFile ? file.secretFiles : file.values).set(found.name, { text: entry, line });
  }
  warnOfReaders(file, stats, findings);
  return file;
}

const yamlFault = (code: string): string =>
  code === 'DUPLICATE_KEY' ? 'a key is there twice' : code.toLowerCase().replaceAll('_', ' ');

interface KnownKey {
  readonly name: SettingName;
  /** Whether the value is the path of a file with the secret. */
  readonly isFile: boolean;
  readonly isList: boolean;
}

function knownKey(key: string): KnownKey | null {
  const name = settingNames.find((one) => keyOf(one) === key);
  if (name !== undefined) {
    const { as } = settingOf(name).takes;
    return { name, isFile: false, isList: as === 'list' || as === 'receivers' };
  }
  const secret = secretNames.find((one) => `${keyOf(one)}_file` === key);
  return secret === undefined ? null : { name: secret, isFile: true, isList: false };
}

const knownKeys: readonly string[] = [
  ...settingNames.map(keyOf),
  ...secretNames.map((name) => `${keyOf(name)}_file`),
];

/** Without the prefix, which people leave out: `interval`. */
const shortOf = (key: string): string => key.replace(/^(?:decnet|dashboard|docker)_/, '');

function unknownKey(key: string): string {
  const short = nearest(key, knownKeys.map(shortOf));
  const near = nearest(key, knownKeys) ?? knownKeys.find((one) => shortOf(one) === short);
  return `"${key}" is not a key; ${near === undefined ? 'docs/configuration.md lists all' : `did you mean ${near}?`}`;
}

/** The one text, or the texts of a list; null: anything else. */
function partsOf(
  yaml: typeof import('yaml'),
  document: Document,
  given: unknown,
): string | readonly string[] | null {
  const resolved = (one: unknown): unknown => (yaml.isAlias(one) ? one.resolve(document) : one);
  const scalar = (one: unknown): string | null => {
    if (one === null || one === undefined) return '';
    return yaml.isScalar(one) ? String(one.value ?? '') : null;
  };
  const node = resolved(given);
  if (!yaml.isSeq(node)) return scalar(node);
  const parts = node.items.map((item) => scalar(resolved(item)));
  return parts.every((part) => part !== null) ? parts : null;
}

/** The value as its variable would have it; null: it takes no list. */
function textOf({ name, isFile, isList }: KnownKey, parts: string | readonly string[]): string | null {
  const { as } = settingOf(name).takes;
  if (typeof parts !== 'string') return isList ? parts.join(as === 'list' ? ',' : '\n') : null;
  // A flag is on with any text.
  return as === 'flag' && !isFile && parts === 'false' ? '' : parts;
}

function warnOfReaders({ path, values }: ConfigFile, stats: Stats, { warnings }: Findings): void {
  const shown = secretNames.filter((name) => values.has(name)).map(keyOf);
  if (shown.length > 0 && stats.isFile() && (stats.mode & 0o004) !== 0)
    warnings.push(
      `${path} has ${shown.join(', ')}, and every user of this machine can read it; run \`chmod o-r\` on it`,
    );
}
