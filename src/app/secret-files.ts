import { readFileSync, statSync } from 'node:fs';
import type { Environment } from '../lib/environment.ts';
import { codeOf } from '../lib/errors.ts';

/** The variables that may contain passwords or tokens. Each may be given as a file: `DATABASE_URL_FILE`. */
const secretVariables = [
  'DATABASE_URL',
  'REDIS_URL',
  'DECNET_DATABASE_URL',
  'DASHBOARD_PASSWORD',
  'DECNET_NOTIFY',
  'DECNET_WEBHOOK_URL',
  'DECNET_HEARTBEAT_URL',
] as const;

const longestSecret = 64 * 1024;

/** The environment with the content of the files that it names. @param problems gets what is wrong with them */
export function withSecretFiles(env: Environment, problems: string[]): Environment {
  const read: Record<string, string> = {};
  for (const name of secretVariables) {
    const file = env[`${name}_FILE`];
    if (!file) continue;
    if (env[name]) {
      problems.push(`${name} and ${name}_FILE are both set; unset one of them`);
      continue;
    }
    const content = contentOf(file);
    if ('problem' in content) problems.push(`${name}_FILE is "${file}", which ${content.problem}`);
    else read[name] = content.text;
  }
  return Object.keys(read).length === 0 ? env : { ...env, ...read };
}

function contentOf(file: string): { readonly text: string } | { readonly problem: string } {
  try {
    if (statSync(file).size > longestSecret) return { problem: 'is larger than 64 KB' };
    const text = readFileSync(file, 'utf8').trim();
    return text === '' ? { problem: 'is empty' } : { text };
  } catch (error) {
    return { problem: `cannot be read (${codeOf(error) ?? 'unknown error'})` };
  }
}
