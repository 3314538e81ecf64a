import { enableOwnCompileCache } from './src/lib/compile-cache.ts';

enableOwnCompileCache(process.env);
const { runWorker } = await import('./src/cli/worker-process.ts');
await runWorker();
