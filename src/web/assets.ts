import { readFile } from 'node:fs/promises';
import * as nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';

export interface Asset {
  readonly type: string;
  readonly body: string;
}

const types: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

const names = ['style.css', 'icon.svg', 'live.js', 'theme.js'] as const;

/** The routes of the scripts and styles. */
export async function registerAssets(app: FastifyInstance): Promise<void> {
  for (const [name, { type, body }] of await loadAssets()) {
    // The pages request them with the version in the address, so they may be cached.
    app.get(`/assets/${name}`, (_request, reply) =>
      reply.type(type).header('cache-control', 'private, max-age=3600').send(body),
    );
  }
}

/** Reads the scripts and styles of the pages. In a checkout the scripts are TypeScript and are stripped here; the package has built ones. */
export async function loadAssets(): Promise<ReadonlyMap<string, Asset>> {
  const isSource = import.meta.url.endsWith('.ts');
  const read = async (name: string): Promise<string> => {
    const file = (found: string): string => fileURLToPath(new URL(`./client/${found}`, import.meta.url));
    if (!isSource || !name.endsWith('.js')) return readFile(file(name), 'utf8');
    return stripped(await readFile(file(name.replace(/js$/, 'ts')), 'utf8'));
  };
  const assets = await Promise.all(
    names.map(async (name) => {
      const type = types[name.split('.').at(-1) ?? ''] ?? 'text/plain';
      return [name, { type, body: await read(name) }] as const;
    }),
  );
  return new Map(assets);
}

/** Strips types without Node's warning about an experimental function, which does not concern the user. */
function stripped(source: string): string {
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    return nodeModule.stripTypeScriptTypes(source);
  } finally {
    process.emitWarning = emitWarning;
  }
}
