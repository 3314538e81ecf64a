import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import { createContext } from '../../src/cli/context.ts';
import { createProgram } from '../../src/cli/program.ts';
import { runningWeb } from './docker.ts';
import { fakeEngine } from './fake-engine.ts';
import { declaredDecky, testHost } from './host.ts';

/*
 * Runs the installed package with one version of Node: `node test/harness/package.ts BIN NODE`, where BIN is `bin.js` of the
 * package and NODE the program. Every command prints its help, and a worker runs one pass. The package needs its embedded
 * PostgreSQL.
 */

/** The words of each command, `notify test` included. */
const commandsOf = (parent: Command): readonly (readonly string[])[] =>
  parent.commands.flatMap((command) => [
    [command.name()],
    ...commandsOf(command).map((words) => [command.name(), ...words]),
  ]);

export interface Installed {
  readonly bin: string;
  readonly node: string;
}

const run = promisify(execFile);

/** @throws Error when a command has no help @returns the number of commands */
export async function printHelp({ bin, node }: Installed): Promise<number> {
  const commands = commandsOf(await createProgram(createContext({})));
  for (const words of commands) {
    const { stdout } = await run(node, [bin, ...words, '--help']);
    if (!stdout.startsWith(`Usage: decnet-fleet ${words.join(' ')}`))
      throw new Error(`${words.join(' ')} --help: ${stdout}`);
  }
  return commands.length;
}

/** Runs a worker until its first pass, and stops it. @throws Error when the pass did not write the row */
export async function runPass({ bin, node }: Installed): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-package-'));
  // Root's PostgreSQL runs as another user, who must get in.
  chmodSync(directory, 0o755);
  const host = testHost();
  host.write([declaredDecky('web')]);
  const engine = await fakeEngine([{ ...runningWeb, Names: ['/web'], Labels: {} }, runningWeb]);
  const env = {
    ...host.env({ DECNET_DATA_DIR: join(directory, 'data') }),
    PATH: process.env.PATH,
    HOME: directory,
    DOCKER_HOST: engine.host,
    DECNET_BUS_ENABLED: 'false',
    DECNET_ROLLOUT: '0',
  };
  try {
    await run(node, [bin, 'migrate'], { env });
    await firstPass(spawn(node, [bin, 'worker'], { env, stdio: ['ignore', 'ignore', 'pipe'] }));
    const { stdout } = await run(node, [bin, 'status', '--json'], { env });
    const { hosts } = JSON.parse(stdout) as {
      hosts: readonly { deckies: readonly { name: string; state: string }[] }[];
    };
    const found = hosts
      .flatMap(({ deckies }) => deckies)
      .map(({ name, state }) => `${name} ${state}`)
      .join();
    if (found !== 'web running') throw new Error(`The pass recorded "${found}"`);
  } finally {
    await engine.stop();
    host.remove();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Resolves when the worker has logged its first pass and has ended with 0 after SIGTERM. */
async function firstPass(worker: ChildProcess): Promise<void> {
  let log = '';
  const code = await new Promise<number | null>((done) => {
    worker.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      log += chunk;
      if (log.includes('pass changed the fleet')) worker.kill('SIGTERM');
    });
    worker.once('close', done);
  });
  if (code !== 0) throw new Error(`The worker ended with ${code}: ${log}`);
}

if (process.argv[1] === import.meta.filename) {
  const [bin = '', node = ''] = process.argv.slice(2);
  const { stdout: version } = await run(node, ['--version']);
  const commands = await printHelp({ bin, node });
  await runPass({ bin, node });
  console.log(`Node ${version.trim()}: the help of ${commands} commands, and one pass`);
}
