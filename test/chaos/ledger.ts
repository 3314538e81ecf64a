import { appendFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The record of the walk: actions, checks and failures. */
export interface Ledger {
  readonly counts: { actions: number; faults: number; checks: number };
  readonly violations: readonly string[];
  /** The directory with the output of the processes and all actions. */
  readonly directory: string;
  /** @param detail called when the check fails */
  check(what: string, holds: boolean, detail: () => string): void;
  did(action: string): void;
  fault(name: string): void;
  log(process: string, output: string): void;
}

export function openLedger(): Ledger {
  const directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-chaos-'));
  const counts = { actions: 0, faults: 0, checks: 0 };
  const violations: string[] = [];
  const write = (line: string): void =>
    appendFileSync(join(directory, 'walk.log'), `${new Date().toISOString()} ${line}\n`);
  return {
    counts,
    violations,
    directory,
    check: (what, holds, detail) => {
      counts.checks += 1;
      if (holds) return;
      const text = `VIOLATION ${what}: ${detail()}`;
      violations.push(text);
      write(text);
      console.log(`${new Date().toISOString()} ${text}`);
    },
    did: (action) => {
      counts.actions += 1;
      write(action);
    },
    fault: (name) => {
      counts.faults += 1;
      write(`FAULT ${name}`);
    },
    log: (process, output) => appendFileSync(join(directory, `${process.replaceAll(' ', '-')}.log`), output),
  };
}
