import { readFileSync, statSync } from 'node:fs';
import { codeOf } from '../lib/errors.ts';

const longestSecret = 64 * 1024;

/** The secret in a file, without white space around it, or why it cannot be used. */
export function secretIn(file: string): { readonly text: string } | { readonly problem: string } {
  try {
    if (statSync(file).size > longestSecret) return { problem: 'is larger than 64 KB' };
    const text = readFileSync(file, 'utf8').trim();
    return text === '' ? { problem: 'is empty' } : { text };
  } catch (error) {
    return { problem: `cannot be read (${codeOf(error) ?? 'unknown error'})` };
  }
}
