#!/usr/bin/env node
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(`decnet-fleet needs Node.js 22.18 or newer; this is ${process.versions.node}\n`);
  process.exit(2);
}

const { enableOwnCompileCache } = await import('../lib/compile-cache.ts');
enableOwnCompileCache(process.env);
const { main } = await import('./main.ts');
const code = await main(process.argv.slice(2), process.env);
// Everything of this program is closed; a handle that a library still holds must not delay the exit.
process.exit(code);

export {};
