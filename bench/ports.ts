/**
 * Measures what it costs to check on which ports something listens: `npm run bench:ports [-- DECKIES [SECONDS]]`. Needs Linux,
 * root and python3. Each decky has a network of its own, in which three sockets listen; the product's reader reads them.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Base, portsReader } from '../src/docker/listening.ts';
import { containerId, procOf } from '../test/harness/namespace.ts';
import { machine, printed } from './report.ts';

const [count = 1000, interval = 30] = process.argv.slice(2).map(Number);
/** As on DECNET's hosts: the services, and Docker's own name server on a port of its own. */
const services = ['ssh', 'http', 'smb'];
const ports = [22, 80, 445, 40_001];

/** One process opens all sockets: each belongs to the network in which it was opened. */
const listener = `
import ctypes, resource, socket, sys
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
libc = ctypes.CDLL(None, use_errno=True)
kept = []
for pid in sys.argv[1].split(','):
    with open('/proc/%s/ns/net' % pid) as ns:
        if libc.setns(ns.fileno(), 0) != 0: sys.exit('setns failed')
    for port in [${ports.join(', ')}]:
        kept.append(socket.create_server(('0.0.0.0', port)))
print('ready', flush=True)
sys.stdin.read()
`;

/** CPU milliseconds of this process, which does nothing else. */
async function cpuMs(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

const holders: ChildProcess[] = [];
const proc = procOf();
try {
  for (let at = 0; at < count; at++) {
    const holder = spawn('unshare', ['--net', 'sleep', '3600'], { stdio: 'ignore' });
    await once(holder, 'spawn');
    holders.push(holder);
  }
  await sleep(2000);
  const pids = holders.map(({ pid }) => pid ?? 0);
  const open = spawn('python3', ['-c', listener, pids.join(',')], { stdio: ['pipe', 'pipe', 'inherit'] });
  holders.push(open);
  const failed = once(open, 'exit').then(() => Promise.reject(new Error('python3 has ended')));
  await Promise.race([once(open.stdout, 'data'), failed]);
  failed.catch(() => undefined);
  const bases: readonly Base[] = pids.map((pid, at) => {
    const id = containerId(`${at}`);
    proc.add(pid, id);
    return { id, name: `decky-${at}`, pid, services };
  });

  const rows: Record<string, number | string>[] = [];
  const look = async (what: string, read: ReturnType<typeof portsReader>): Promise<void> => {
    let unread = 0;
    const ms = await cpuMs(async () => {
      const { ports: seen } = await read(bases, true);
      if (seen.kind === 'unchecked') throw new Error(seen.why);
      for (const one of seen.byBase.values()) {
        if (one === 'later') unread += 1;
        else if (one.size < services.length) throw new Error(`only ${[...one].join()} is open`);
      }
    });
    rows.push({
      pass: what,
      'CPU ms': ms,
      [`% of a core at ${interval} s`]: ms / interval / 10,
      'left to later passes': unread,
    });
  };
  const limited = portsReader(proc.path);
  await look('first', limited);
  await sleep(interval * 1000);
  await look('second', limited);
  const unlimited = portsReader(proc.path, { isLeft: () => true, spend: (read) => read() });
  await look('without a limit, nothing known', unlimited);
  await look('all known, no socket opened or closed', unlimited);
  await look('the same again', unlimited);
  console.log(`On ${machine()}\n`);
  console.log(
    printed({ name: 'ports', title: `Ports of ${count} deckies, ${services.length} services each.`, rows }),
  );
} finally {
  for (const holder of holders) holder.kill('SIGKILL');
  proc.remove();
}
