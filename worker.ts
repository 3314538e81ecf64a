import { enableCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';

// A decoy host is a small machine. What is compiled is kept on disk, so that the next start need not strip types; and
// V8 is told to keep its heap small. Both work only before anything else is loaded.
enableCompileCache();
for (const flag of ['--max-semi-space-size=1', '--semi-space-growth-factor=1', '--optimize-for-size'])
  setFlagsFromString(flag);
await import('./src/cli/worker-process.ts');
