import { flushCompileCache } from 'node:module';
import { enableOwnCompileCache } from './src/lib/compile-cache.ts';

const cache = enableOwnCompileCache(process.env);
const program = await import('./src/cli/worker-process.ts');

// A decoy host is a small machine, and Node's type stripper takes 15 MB that a process keeps once it has used it. So this
// process strips and compiles everything into the cache on disk, and is then replaced, pid and all, by one that reads it
// from there. That one must have it before its first file: only the environment says so in time. The built package has no
// types to strip.
if (import.meta.filename.endsWith('.ts') && cache !== null && process.execve !== undefined) {
  await program.load();
  flushCompileCache();
  process.execve(
    process.execPath,
    [process.execPath, ...process.execArgv, program.file, ...process.argv.slice(2)],
    { ...process.env, NODE_COMPILE_CACHE: cache },
  );
}
await program.run();
