import { parentPort, workerData } from 'node:worker_threads';
import type { DecnetAddress } from './address.ts';
import { threadFault } from './faults.ts';
import type { Answer, Ask, Message } from './messages.ts';
import { equalValues, type Session, type Values } from './session.ts';

/*
 * The thread that uses DECNET's database. `node:sqlite` is synchronous, and 10,000 rows are much to parse: the process's event loop
 * does neither. The thread remembers the rows that it sent and answers with those that have changed since.
 */

/** Rows in one message: the receiver needs about a millisecond for them. */
const sliceRows = 500;

const address = workerData as DecnetAddress;
const session: Session = await open(address);

/** The rows of the last host that was read as a whole. */
let sent: { readonly host: string; readonly version: number; readonly rows: Map<string, Values> } | null =
  null;
let version = 0;
/** What is left to send of the last reading. */
let unsent: readonly Values[] = [];

async function open(to: DecnetAddress): Promise<Session> {
  if (to.kind === 'sqlite') return (await import('./sqlite.ts')).sqliteSession(to.file);
  return (await import('./mysql.ts')).mysqlSession(to);
}

async function answer(ask: Ask): Promise<Answer> {
  switch (ask.kind) {
    case 'host':
      return changesSince(ask.host, ask.known, await session.readHost(ask.host));
    case 'more':
      return nextSlice();
    case 'rows':
      return { kind: 'rows', rows: await session.readRows(ask.host, ask.names) };
    case 'write':
      return { kind: 'written', ...(await session.write(ask.host, ask.part)) };
    case 'close':
      await session.close();
      return { kind: 'closed' };
  }
}

/** @param known the version of the rows that the receiver has; null: it has none */
function changesSince(host: string, known: number | null, read: readonly Values[]): Answer {
  const before = sent !== null && sent.host === host && sent.version === known ? sent.rows : null;
  const rows = new Map<string, Values>();
  const changed: Values[] = [];
  for (const row of read) {
    const kept = before?.get(row[0]);
    const isKept = kept !== undefined && equalValues(kept, row);
    rows.set(row[0], isKept ? kept : row);
    if (!isKept) changed.push(row);
  }
  const removed = before === null ? [] : [...before.keys()].filter((name) => !rows.has(name));
  if (before !== null && changed.length === 0 && removed.length === 0) {
    return { kind: 'unchanged' };
  }
  version += 1;
  sent = { host, version, rows };
  unsent = changed;
  return { kind: 'changed', isWhole: before === null, version, removed, ...slice() };
}

const nextSlice = (): Answer => ({ kind: 'more', ...slice() });

function slice(): { rows: readonly Values[]; hasMore: boolean } {
  const rows = unsent.slice(0, sliceRows);
  unsent = unsent.slice(sliceRows);
  return { rows, hasMore: unsent.length > 0 };
}

parentPort?.on('message', ({ id, ask }: { id: number; ask: Ask }) => {
  void answer(ask).then(
    (given) => parentPort?.postMessage({ id, answer: given } satisfies Message),
    (error: unknown) =>
      parentPort?.postMessage({ id, fault: threadFault(error, address.location) } satisfies Message),
  );
});
