import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/lib/package.ts';

const directory = join(packageRoot, 'test/fixtures/ini');

/** The other inputs of a case. @see test/fixtures/ini/README.md */
export interface IniInput {
  readonly subnet_cidr: string;
  readonly gateway: string;
  readonly host_ip: string;
  readonly cli_mutate_interval: number | null;
  readonly reserved_ips: readonly string[];
  readonly loader: 'file' | 'string';
  readonly register_custom_services: boolean;
}

const entries = readdirSync(directory);

export const iniNames: readonly string[] = entries
  .filter((name) => name.endsWith('.ini'))
  .map((name) => name.slice(0, -'.ini'.length));

export const iniFile = (name: string): string => join(directory, `${name}.ini`);
export const iniText = (name: string): string => readFileSync(iniFile(name), 'utf8');
export const hasPart = (name: string, part: string): boolean => entries.includes(`${name}.${part}.json`);
export const iniPart = <T>(name: string, part: 'input' | 'config' | 'deckies' | 'random' | 'error'): T =>
  JSON.parse(readFileSync(join(directory, `${name}.${part}.json`), 'utf8')) as T;
