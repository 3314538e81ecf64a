import { accessSync, constants, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';

const memory = '/dev/shm';
const roomBytes = 4 * 1024 ** 3;

/**
 * A directory for databases that nobody needs after the test: in memory, if there is room. Each database of a test has three
 * hundred files, and making them again just after they were deleted takes ext4 most of PostgreSQL's processor time. And a
 * write that a test measures does not wait for a disk that other tests use.
 */
export function fastDirectory(): string {
  try {
    accessSync(memory, constants.W_OK);
    const { bavail, bsize } = statfsSync(memory);
    if (bavail * bsize >= roomBytes) return memory;
  } catch {
    // There is none.
  }
  return tmpdir();
}

/** The directory for the database of a test. That of a benchmark is on the disk, as a user's is. */
export const databaseDirectory = (): string =>
  process.env.TEST_CLUSTER === undefined ? tmpdir() : fastDirectory();
