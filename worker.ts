import { flushCompileCache } from 'node:module';
import { enableOwnCompileCache } from './src/lib/compile-cache.ts';

const cache = enableOwnCompileCache(process.env);
const program = await import('./src/cli/worker-process.ts');

// Node's type stripper uses 15 MB that a process never releases, which matters on small decoy hosts. So this process compiles
// everything into the cache on disk, and is then replaced (same pid) by one that loads it from there. The new process needs the
// cache before its first file, so it is set in the environment. The built package has no types to strip.
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
