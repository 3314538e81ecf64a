import { isObject } from '../lib/json.ts';

/** A field of a form; empty: it is not there. */
export function fieldOf(body: unknown, name: string): string {
  const found = isObject(body) && Object.hasOwn(body, name) ? body[name] : '';
  return typeof found === 'string' ? found.trim() : '';
}
