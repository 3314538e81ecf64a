import type { Port } from '../fleet/plan/ports.ts';

/** The tables of `/proc/PID/net` that show listeners. */
const tables = ['tcp', 'tcp6', 'udp', 'udp6'] as const;
export type TableName = (typeof tables)[number];

/** Of TCP: `LISTEN`. Of UDP: bound, and not connected. */
const listening = { tcp: '0A', udp: '07' } as const;
/** `SYN_RECV`: older kernels list such sockets between those that listen, and all other connections after them. */
const opening = '03';

const protocolOf = (table: TableName): 'tcp' | 'udp' => (table.startsWith('tcp') ? 'tcp' : 'udp');

/**
 * Reads a line of a table. @returns the port on which it listens, at whatever address. `end`: no more lines of listeners follow.
 * Null: it is the heading, or no such line. @see proc_pid_net(5)
 */
export function portOf(table: TableName, line: string): Port | 'end' | null {
  const found = /^\s*\d+: [0-9A-F]{8,32}:([0-9A-F]{4}) [0-9A-F]{8,32}:[0-9A-F]{4} ([0-9A-F]{2}) /.exec(line);
  if (found === null) return null;
  const protocol = protocolOf(table);
  const port = Number.parseInt(found[1] ?? '', 16);
  if (found[2] === listening[protocol]) return port > 0 ? `${protocol}/${port}` : null;
  return protocol === 'tcp' && found[2] !== opening ? 'end' : null;
}

/** How many sockets a network has, by `sockstat` and `sockstat6`. */
export interface SocketCounts {
  readonly tables: Readonly<Record<TableName, number>>;
  /** Changes whenever a socket is opened or closed, unless one of each is. */
  readonly text: string;
}

/** @param sockstat6 empty where the kernel has no IPv6 @returns null: another kind of text */
export function socketCounts(sockstat: string, sockstat6: string): SocketCounts | null {
  const count = (text: string, name: string): number => {
    const found = new RegExp(`^${name}: (?:inuse|used) (\\d+)`, 'm').exec(text);
    return found === null ? Number.NaN : Number(found[1]);
  };
  const [tcp, udp] = [count(sockstat, 'TCP'), count(sockstat, 'UDP')];
  if (Number.isNaN(tcp) || Number.isNaN(udp)) return null;
  const [tcp6, udp6] = [count(sockstat6, 'TCP6') || 0, count(sockstat6, 'UDP6') || 0];
  return {
    tables: { tcp, tcp6, udp, udp6 },
    text: [count(sockstat, 'sockets'), tcp, tcp6, udp, udp6].join(' '),
  };
}

/** Which tables show the listeners of these ports. */
export const tablesOf = (ports: readonly Port[]): readonly TableName[] =>
  tables.filter((table) => ports.some((port) => port.startsWith(protocolOf(table))));

/** When a process began, in ticks since the machine's start: with its id, it identifies the process. Null: it has ended. */
export function beginOf(stat: string): string | null {
  // The name in parentheses may hold any character.
  const [state = '', ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return /^[RSDTtIKWP]$/.test(state) ? (rest[18] ?? null) : null;
}
