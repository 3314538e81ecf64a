import { jsonText } from './text.ts';

/** A document as YAML, with its last line break. */
export async function yamlText(document: unknown): Promise<string> {
  const { stringify } = await import('yaml');
  // Through JSON: it gives numbers that JavaScript cannot hold, and escapes what a terminal obeys.
  return stringify(JSON.parse(jsonText(document)), {
    // Readers of YAML 1.1 take `no` and `12:30` for other values than texts: these are quoted.
    compat: 'yaml-1.1',
    aliasDuplicateObjects: false,
    lineWidth: 0,
  });
}
