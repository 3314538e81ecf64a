import { closeSync, openSync, readSync } from 'node:fs';
import { type ObservedPorts, type Port, portsOf } from '../fleet/plan/ports.ts';
import { codeOf } from '../lib/errors.ts';
import { paced } from '../lib/slices.ts';
import { beginOf, portOf, type SocketCounts, socketCounts, type TableName, tablesOf } from './proc-net.ts';
import { type ReadingTime, readingTime } from './reading-time.ts';

/** A base container that runs, and the services in its network. */
export interface Base {
  readonly id: string;
  readonly name: string;
  /** Its process. Null: the engine does not show it. `later`: a later pass inspects it. */
  readonly pid: number | null | 'later';
  /** Null: a container in its network does not say of which service it is. */
  readonly services: readonly string[] | null;
}

/** What was read of a container's network. */
interface Reading {
  readonly pid: number;
  /** With the number, it identifies the process. */
  readonly begin: string;
  readonly counts: string;
  readonly open: ReadonlySet<Port>;
  /** On this process's monotonic clock. */
  readonly atMs: number;
}

/** Equal counts are no proof: a listener may have ended, and a connection begun. */
const repeatedAfterMs = 15 * 60_000;

/** Of a table with more lines (an attacker may have opened them) nothing is concluded. */
const linesAtMost = 4096;
/**
 * One line of a TCP table at a time: the kernel shows the listeners first, and then walks through the connections of the whole
 * machine, which takes milliseconds. It walks only as far as somebody reads.
 */
const chunkOf = (table: TableName): number => (table.startsWith('tcp') ? 150 : 16 * 1024);

/** Why a network was not read. */
type Failure = 'denied' | 'no process id' | 'another process';

const inWords: Readonly<Record<Failure, string>> = {
  denied: 'this user may not read /proc of the processes in containers; root may',
  'no process id': 'the engine does not show the processes of its containers',
  'another process': "the processes of the engine's containers are not visible here",
};

type OpenPorts = ReadonlySet<Port> | 'later';

export interface Answer {
  readonly ports: ObservedPorts;
  /** Containers that have another process than the one that was inspected. */
  readonly invalidated: readonly string[];
}

/**
 * Reads on which ports something listens in the networks of base containers. It sends no packet.
 * @param proc where the kernel shows processes
 * @param time for the reads that are long
 */
export function portsReader(proc = '/proc', time: ReadingTime = readingTime()) {
  /** By the container's id, in the order in which they were read. */
  const readings = new Map<string, Reading>();
  const buffer = Buffer.alloc(16 * 1024);
  const text = (path: string): string => readText(`${proc}/${path}`, buffer);

  const readOne = (base: Base, isWhole: boolean): OpenPorts | Failure => {
    const { id, pid, services } = base;
    if (isEnough(nothing, services)) return nothing;
    if (pid === 'later') return 'later';
    if (pid === null) return 'no process id';
    const begin = beginOf(text(`${pid}/stat`));
    const last = readings.get(id);
    const known = last?.pid === pid && last.begin === begin ? last : null;
    // Its number may have been given to another process since the inspection.
    const isIts = begin !== null && (known !== null || isOf(id, text(`${pid}/cgroup`)));
    if (!isIts) return 'another process';
    const counts = socketCounts(text(`${pid}/net/sockstat`), textIfAny(`${pid}/net/sockstat6`, text));
    if (counts === null) return 'another process';
    const same = known?.counts === counts.text && isEnough(known.open, services) ? known : null;
    if (same !== null && performance.now() - same.atMs < repeatedAfterMs) return same.open;
    if (!time.isLeft(isWhole)) return same?.open ?? 'later';
    const open = time.spend(() => readPorts(`${proc}/${pid}/net`, services, counts, buffer));
    // The process still has its number, so it had it all the time.
    if (beginOf(text(`${pid}/stat`)) !== begin) return 'another process';
    readings.delete(id);
    if (open === null) return 'later';
    readings.set(id, { pid, begin, counts: counts.text, open, atMs: performance.now() });
    return open;
  };

  /** @param isWhole whether these are all bases of the engine */
  return async (bases: readonly Base[], isWhole: boolean): Promise<Answer> => {
    const byBase = new Map<string, OpenPorts>();
    const failed = new Map<string, Failure>();
    const pause = paced();
    for (const base of oldestFirst(bases, readings)) {
      await pause();
      const open = attempted(() => readOne(base, isWhole));
      if (typeof open === 'object' || open === 'later') byBase.set(base.name, open);
      else failed.set(base.id, open);
    }
    // Where none could ever be read, another inspection does not help.
    const invalidated = readings.size === 0 ? [] : [...failed].filter(([, why]) => why === 'another process');
    for (const id of failed.keys()) readings.delete(id);
    if (isWhole) forgetOthers(readings, bases);
    const [first] = failed.values();
    return {
      ports:
        first !== undefined && byBase.size === 0
          ? { kind: 'unchecked', why: inWords[first] }
          : { kind: 'checked', byBase },
      invalidated: invalidated.map(([id]) => id),
    };
  };
}

/** Whether a process is in the control group of a container. Any text contains some names, but no other container's id. */
const isOf = (id: string, cgroup: string): boolean => /^[0-9a-f]{64}$/.test(id) && cgroup.includes(id);

function attempted(read: () => OpenPorts | Failure): OpenPorts | Failure {
  try {
    return read();
  } catch (error) {
    return ['EACCES', 'EPERM'].includes(codeOf(error) ?? '') ? 'denied' : 'another process';
  }
}

const nothing: ReadonlySet<Port> = new Set();

/** Whether each service listens on one of its ports, or is not known. */
const isEnough = (open: ReadonlySet<Port>, services: Base['services']): boolean =>
  services?.every((service) => {
    const ports = portsOf(service);
    return ports.length === 0 || ports.some((port) => open.has(port));
  }) ?? false;

/** Those that were never read, then those that were read longest ago: the time may not be enough for all. */
function oldestFirst(bases: readonly Base[], readings: ReadonlyMap<string, Reading>): readonly Base[] {
  const at = ({ id }: Base): number => readings.get(id)?.atMs ?? 0;
  return [...bases].sort((one, other) => at(one) - at(other));
}

function forgetOthers(readings: Map<string, Reading>, bases: readonly Base[]): void {
  const ids = new Set(bases.map(({ id }) => id));
  for (const id of readings.keys()) if (!ids.has(id)) readings.delete(id);
}

/** Reads until every service is found, or to the end. @returns null: there are too many sockets */
function readPorts(
  directory: string,
  services: Base['services'],
  counts: SocketCounts,
  buffer: Buffer,
): ReadonlySet<Port> | null {
  const open = new Set<Port>();
  const wanted = services === null ? anyPorts : services.flatMap(portsOf);
  for (const table of tablesOf(wanted)) {
    if (counts.tables[table] === 0) continue;
    if (isEnough(open, services)) break;
    let lines = 0;
    for (const line of linesOf(`${directory}/${table}`, buffer, chunkOf(table))) {
      const port = portOf(table, line);
      if (port === 'end') break;
      if (port !== null) open.add(port);
      if (port !== null && isEnough(open, services)) break;
      if (++lines > linesAtMost) return null;
    }
  }
  return open;
}

/** One of each protocol. */
const anyPorts: readonly Port[] = ['tcp/1', 'udp/1'];

/** @param chunk the number of bytes that are read at once */
function* linesOf(path: string, buffer: Buffer, chunk: number): Generator<string> {
  const file = openSync(path, 'r');
  try {
    let rest = '';
    for (let length = 1; length > 0; ) {
      length = readSync(file, buffer, 0, chunk, null);
      const lines = (rest + buffer.toString('latin1', 0, length)).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } finally {
    closeSync(file);
  }
}

/** The beginning of a small file. */
function readText(path: string, buffer: Buffer): string {
  const file = openSync(path, 'r');
  try {
    return buffer.toString('latin1', 0, readSync(file, buffer, 0, buffer.length, null));
  } finally {
    closeSync(file);
  }
}

/** Empty where the file does not exist: a kernel without IPv6. */
function textIfAny(path: string, read: (path: string) => string): string {
  try {
    return read(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return '';
    throw error;
  }
}
