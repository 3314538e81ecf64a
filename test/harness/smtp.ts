import { mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from './program.ts';
import { programServer, type Server } from './servers.ts';
import { freePort } from './services.ts';

const program = await findProgram('aiosmtpd');

export const noSmtp: false | string = program !== null ? false : 'aiosmtpd is not installed';

/** A real SMTP server that keeps the mails in a directory. */
export async function smtpServer(): Promise<Server & { readonly port: number; mails(): readonly string[] }> {
  const directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-smtp-'));
  const port = await freePort();
  const box = join(directory, 'mails');
  for (const part of ['', 'new', 'cur', 'tmp']) mkdirSync(join(box, part), { recursive: true });
  const args = ['-n', '-l', `127.0.0.1:${port}`, '-c', 'aiosmtpd.handlers.Mailbox', box];
  const server = programServer(
    directory,
    program ?? '',
    args,
    `smtp://127.0.0.1:${port}`,
    () =>
      new Promise((done, fail) => {
        const socket = connect(port, '127.0.0.1', () => {
          socket.destroy();
          done();
        });
        socket.once('error', fail);
      }),
  );
  await server.start();
  const kept = join(box, 'new');
  return {
    ...server,
    port,
    mails: () =>
      readdirSync(kept).map((file) => readFileSync(join(kept, file), 'utf8').replaceAll('=\n', '')),
  };
}
