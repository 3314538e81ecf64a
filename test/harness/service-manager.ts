import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { findProgram } from './program.ts';
import { waitFor } from './wait.ts';

/** Node has no datagram sockets of the Unix family. Each datagram is printed as one line of JSON. */
const receiver = `
import json, socket, sys
socket_ = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
socket_.bind(sys.argv[1])
print('null', flush=True)
while True:
    print(json.dumps(socket_.recv(65536).decode().split('\\n')), flush=True)
`;

const missing = (
  await Promise.all(
    ['python3', 'systemd-notify'].map(async (name) => ((await findProgram(name)) ? [] : [name])),
  )
).flat();

/** The reason to skip tests with a service manager; false: it is available. */
export const noServiceManager: string | false =
  missing.length > 0 && `systemd: there is no ${missing.join(' and no ')} on this machine`;

export interface TestManager {
  readonly socket: string;
  /** The messages so far, each a list of assignments. */
  readonly messages: readonly (readonly string[])[];
  /** Waits for a message with such an assignment. */
  says(pattern: RegExp): Promise<void>;
  /** Forgets the messages so far. */
  clear(): void;
  close(): Promise<void>;
}

/** The socket of a service manager, as systemd opens it for a unit of `Type=notify`. */
export async function testManager(): Promise<TestManager> {
  const directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-manager-'));
  const socket = join(directory, 'notify');
  const child = spawn((await findProgram('python3')) ?? '', ['-c', receiver, socket], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((done) => child.once('close', () => done()));
  const messages: (readonly string[])[] = [];
  let isOpen = false;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const received = JSON.parse(line) as readonly string[] | null;
    isOpen = true;
    // `systemd-notify` asks with it whether its message was read.
    if (received !== null && received[0] !== 'BARRIER=1') messages.push(received);
  });
  await waitFor(() => isOpen);
  return {
    socket,
    messages,
    says: (pattern) => waitFor(() => messages.flat().some((one) => pattern.test(one))),
    clear: () => {
      messages.length = 0;
    },
    close: async () => {
      child.kill();
      await ended;
      rmSync(directory, { recursive: true });
    },
  };
}
