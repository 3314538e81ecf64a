import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import type Docker from 'dockerode';

const run = promisify(execFile);

/** Builds an image from this machine's shell, of one or two megabytes, without a registry. */
export async function importTinyImage(docker: Docker, name: string): Promise<void> {
  const programs = ['/bin/sh', '/bin/sleep'];
  const libraries = await Promise.all(programs.map(async (program) => (await run('ldd', [program])).stdout));
  const files = new Set([
    ...programs,
    ...[...libraries.join('\n').matchAll(/(\/\S+) \(/g)].map((found) => found[1] ?? ''),
  ]);
  const tar = spawn('tar', ['--create', '--dereference', '--absolute-names', '--file=-', ...files], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const stream = await docker.importImage(tar.stdout, { repo: name, tag: 'latest' });
  await new Promise<void>((done, fail) => {
    docker.modem.followProgress(stream, (error) => (error === null ? done() : fail(error)));
  });
}

/** A shell command that runs until it gets SIGTERM. A trap is run at once during `wait`, so that it need not look for it. */
export const untilAsked = 'trap "exit 0" TERM; while :; do sleep 86400 & wait $!; done';
