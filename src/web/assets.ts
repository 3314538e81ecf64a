import { readFile } from 'node:fs/promises';
import * as nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { version } from '../lib/package.ts';

export interface Asset {
  readonly type: string;
  readonly body: string;
}

const types: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

const names = [
  'style.css',
  'map.css',
  'icon.svg',
  'theme.js',
  'live.js',
  // The modules that `live.js` imports.
  'ages.js',
  'announce.js',
  'filters.js',
  'keys.js',
  'map.js',
  'merge.js',
  'refresh.js',
  'session.js',
  'stream.js',
  'theme-button.js',
] as const;

/** What the login page needs, where nobody has signed in. */
const ofLogin: ReadonlySet<string> = new Set(['style.css', 'icon.svg', 'theme.js']);

/** The routes of the scripts and styles. */
export function registerAssets(app: FastifyInstance, assets: ReadonlyMap<string, Asset>): void {
  for (const [name, { type, body }] of assets) {
    // The pages request them with the version in the address, so they may be cached.
    app.get(`/assets/${name}`, { config: { isPublic: ofLogin.has(name) } }, (_request, reply) =>
      reply.type(type).header('cache-control', 'private, max-age=3600').send(body),
    );
  }
}

/** Reads the scripts and styles of the pages. In a checkout the scripts are TypeScript and are stripped here; the package has built ones. */
export async function loadAssets(): Promise<ReadonlyMap<string, Asset>> {
  const isSource = import.meta.url.endsWith('.ts');
  const read = async (name: string): Promise<string> => {
    const file = (found: string): string => fileURLToPath(new URL(`./client/${found}`, import.meta.url));
    if (!name.endsWith('.js')) return readFile(file(name), 'utf8');
    return withVersion(
      isSource
        ? stripped(await readFile(file(name.replace(/js$/, 'ts')), 'utf8'))
        : await readFile(file(name), 'utf8'),
    );
  };
  const assets = await Promise.all(
    names.map(async (name) => {
      const type = types[name.split('.').at(-1) ?? ''] ?? 'text/plain';
      return [name, { type, body: await read(name) }] as const;
    }),
  );
  return new Map(assets);
}

/** As the pages do, the modules request each other with the version in the address. */
const withVersion = (script: string): string =>
  script.replaceAll(/^(import .*'\.\/[\w-]+)\.[jt]s';$/gm, `$1.js?${version}';`);

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
