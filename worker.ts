import { enableCompileCache, flushCompileCache, getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';

enableCompileCache();
const program = await import('./src/cli/worker-process.ts');

// A decoy host is a small machine, and Node's type stripper takes 15 MB that a process keeps once it has used it. So this
// process strips and compiles everything into the cache on disk, and is then replaced, pid and all, by one that reads it
// from there. The built package has no types to strip.
const cache = getCompileCacheDir();
if (import.meta.filename.endsWith('.ts') && cache !== undefined && process.execve !== undefined) {
  await program.load();
  flushCompileCache();
  process.execve(
    process.execPath,
    [process.execPath, ...process.execArgv, program.file, ...process.argv.slice(2)],
    { ...process.env, NODE_COMPILE_CACHE: dirname(cache) },
  );
}
await program.run();
