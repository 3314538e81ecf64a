import { execFile } from 'node:child_process';
import { rename, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** How this process reaches the service manager that started it. */
export interface ServiceManager {
  /** The socket of systemd; null: none. */
  readonly socket: string | null;
  /** A file whose age is the age of the last sign of life, for the health check of a container; null: none. */
  readonly healthFile: string | null;
  /** Milliseconds without a sign of life after which it restarts this process; null: no watchdog. */
  readonly watchdogMs: number | null;
  /** Where `systemd-notify` is looked for. */
  readonly path: string;
}

/** A message is late after this many milliseconds. */
const sendWithinMs = 5000;

/** Reports to whatever there is. The report before must have ended. @throws Error when a report fails */
export async function reportTo(manager: ServiceManager, assignments: readonly string[]): Promise<void> {
  const { socket, healthFile, path } = manager;
  await Promise.all([
    socket === null ? null : sendToManager(socket, path, assignments),
    healthFile === null ? null : touch(healthFile, assignments),
  ]);
}

/** Replaces the file at a sign of life, and removes it when the process stops. Whoever reads it never sees a part. */
async function touch(file: string, assignments: readonly string[]): Promise<void> {
  if (assignments.includes('STOPPING=1')) return rm(file, { force: true });
  if (!assignments.includes('READY=1') && !assignments.includes('WATCHDOG=1')) return;
  await writeFile(`${file}.new`, `${assignments.join('\n')}\n`);
  await rename(`${file}.new`, file);
}

/**
 * Sends assignments such as `READY=1`. Node has no datagram sockets of the Unix family, so `systemd-notify` does it; it waits
 * until the manager has read the message, which otherwise could not tell the unit of a process that has ended.
 * @throws Error when the program is missing or fails
 */
async function sendToManager(socket: string, path: string, assignments: readonly string[]): Promise<void> {
  // Only what it needs: the other variables may contain passwords.
  const env = { PATH: path, NOTIFY_SOCKET: socket };
  await promisify(execFile)('systemd-notify', [...assignments], { env, timeout: sendWithinMs });
}
