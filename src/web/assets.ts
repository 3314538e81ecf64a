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

/** The pages' own files, in `client/`. */
const ownNames = [
  'style.css',
  'map.css',
  'icon.svg',
  'theme.js',
  'live.js',
  'board.js',
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
/** Modules that the server uses, too: pure, and of few imports. */
const sharedModules: Readonly<Record<string, string>> = {
  'parse-filter.js': '../fleet/filter/parse-filter.js',
  'match-filter.js': '../fleet/filter/match-filter.js',
  'term.js': '../fleet/filter/term.js',
  'state.js': '../fleet/state.js',
  'state-styles.js': '../fleet/state-styles.js',
  'age.js': '../lib/age.js',
  'duration.js': '../lib/duration.js',
  'pattern.js': '../lib/pattern.js',
  'similar.js': '../lib/similar.js',
};

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
    const location = sharedModules[name] ?? `./client/${name}`;
    const file = fileURLToPath(
      new URL(isSource ? location.replace(/\.js$/, '.ts') : location, import.meta.url),
    );
    const text = await readFile(file, 'utf8');
    if (!name.endsWith('.js')) return text;
    return withVersion(isSource ? stripped(text) : text);
  };
  const assets = await Promise.all(
    [...ownNames, ...Object.keys(sharedModules)].map(async (name) => {
      const type = types[name.split('.').at(-1) ?? ''] ?? 'text/plain';
      return [name, { type, body: await read(name) }] as const;
    }),
  );
  return new Map(assets);
}

/** As the pages do, the modules request each other with the version in the address. All of them are in one place. */
const withVersion = (script: string): string =>
  script
    .replaceAll(
      /^((?:import|export|\}) .*')(?:\.{1,2}\/)+(?:[\w-]+\/)*([\w-]+)\.[jt]s';$/gm,
      `$1./$2.js?${version}';`,
    )
    .replaceAll(/^(import ')(?:\.{1,2}\/)+([\w-]+)\.[jt]s';$/gm, `$1./$2.js?${version}';`);

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
