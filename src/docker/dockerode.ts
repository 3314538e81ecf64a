import { createRequire, Module } from 'node:module';
import type Dockerode from 'dockerode';

/*
 * dockerode loads all of its parts at once: gRPC to build with BuildKit, SSH to reach an engine, tar to send a build context. This
 * program uses none of them. They would take 18 MB of each process and 45 ms of its start.
 */
const require = createRequire(import.meta.url);
const requireOfDockerode = createRequire(require.resolve('dockerode'));
for (const part of ['./session.js', 'docker-modem/lib/ssh.js', 'tar-fs']) leaveOut(part);

/** dockerode, without the parts that this program does not use. */
export const Docker = require('dockerode') as typeof Dockerode;

/** Fills a module's place in the cache, so that its file is not loaded. */
function leaveOut(name: string): void {
  const file = requireOfDockerode.resolve(name);
  const module = new Module(file);
  module.exports = (): never => {
    throw new Error(`decnet-fleet does not load this part of dockerode: ${name}`);
  };
  module.loaded = true;
  require.cache[file] = module;
}
