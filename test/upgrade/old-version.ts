import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { packageRoot } from '../../src/lib/package.ts';
import { type Env, type Running, start } from '../harness/cli.ts';

/** The program of version 0.1. */
export interface OldVersion {
  worker(env: Env): Running;
  scheduler(env: Env): Running;
  cli(args: readonly string[], env: Env): Running;
  remove(): void;
}

/** Unpacks version 0.1, which runs with the packages of this version. @see test/fixtures/version-0.1/README.md */
export function oldVersion(): OldVersion {
  const directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-old-'));
  const archive = join(packageRoot, 'test/fixtures/version-0.1/package.tgz');
  execFileSync('tar', ['xzf', archive, '-C', directory, '--strip-components=1']);
  symlinkSync(join(packageRoot, 'node_modules'), join(directory, 'node_modules'));
  const program = (path: string): string => relative(packageRoot, join(directory, 'dist', path));
  const run = (path: string, env: Env, args: readonly string[] = []): Running =>
    start(args, { ...env, DATABASE_URL: withoutOptions(env.DATABASE_URL ?? '') }, program(path));
  return {
    worker: (env) => run('worker.js', env),
    scheduler: (env) => run('scheduler.js', env),
    cli: (args, env) => run('src/cli/bin.js', env, args),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** Version 0.1 does not find the tables of its queues if the address has options of its own. */
function withoutOptions(address: string): string {
  const url = new URL(address);
  url.searchParams.delete('options');
  return url.href;
}
