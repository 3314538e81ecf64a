import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from './program.ts';

export const openssl = await findProgram('openssl');

/** The reason to skip tests of TLS; false: certificates can be made. */
export const noCertificates: string | false =
  openssl === null ? 'TLS: there is no openssl on this machine' : false;

/** Certificates of one directory, each with its key: `<name>.crt` and `<name>.key`. */
export function certificates(directory: string) {
  const run = (...args: string[]): void =>
    void execFileSync(openssl ?? '', args, { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] });
  const withKey = (name: string): string[] => [
    ...['-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`, '-subj', `/CN=${name}`],
  ];
  return {
    file: (name: string): string => join(directory, name),
    /** A certificate authority. */
    authority: (name: string): void =>
      run('req', '-x509', ...withKey(name), '-out', `${name}.crt`, '-days', '2'),
    /** A certificate for 127.0.0.1. @param days negative: it has expired */
    signed: (name: string, authority: string, days = 2): void => {
      run('req', ...withKey(name), '-out', `${name}.csr`);
      writeFileSync(join(directory, 'san'), 'subjectAltName=IP:127.0.0.1');
      const by = ['-CA', `${authority}.crt`, '-CAkey', `${authority}.key`, '-CAcreateserial'];
      const args = ['-out', `${name}.crt`, ...by, '-days', String(days), '-extfile', 'san'];
      run('x509', '-req', '-in', `${name}.csr`, ...args);
    },
  };
}
