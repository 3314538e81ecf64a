import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { dockerEngine } from '../../src/docker/engine.ts';
import { type Base, portsReader } from '../../src/docker/listening.ts';
import { packageRoot } from '../../src/lib/package.ts';
import { settingsOf } from '../harness/hostile-engine.ts';
import {
  containerId,
  type Namespace,
  namespace,
  noNamespaces,
  procOf,
  tcp,
  udp,
} from '../harness/namespace.ts';

const run = promisify(execFile);

describe('what listens in the network of a base', { skip: noNamespaces }, () => {
  const proc = procOf();
  let web: Namespace;
  let mail: Namespace;
  before(async () => {
    [web, mail] = await Promise.all([namespace(), namespace()]);
    proc.add(web.pid, containerId('web'));
    proc.add(mail.pid, containerId('mail'));
  });
  after(async () => {
    await Promise.all([web.end(), mail.end()]);
    proc.remove();
  });

  const base = (name: string, pid: Base['pid'], services: Base['services']): Base => ({
    id: containerId(name),
    name,
    pid,
    services,
  });
  const seen = async (read: ReturnType<typeof portsReader>, ...bases: readonly Base[]) => {
    const { ports, invalidated } = await read(bases, true);
    assert.equal(ports.kind, 'checked', JSON.stringify(ports));
    const byBase = ports.kind === 'checked' ? ports.byBase : new Map<string, never>();
    const found = [...byBase].map(([name, open]) => [
      name,
      typeof open === 'object' ? [...open].sort() : open,
    ]);
    return { open: Object.fromEntries(found), invalidated };
  };

  test('is read from the kernel: TCP and UDP, IPv4 and IPv6, each network its own', async () => {
    const [one, other] = await Promise.all([
      web.run(tcp(80) + tcp(22, '::') + udp(161)),
      mail.run(tcp(25) + udp(514)),
    ]);
    const bases = [base('web', web.pid, null), base('mail', mail.pid, null)];
    const { open } = await seen(portsReader(proc.path), ...bases);
    assert.deepEqual(open, { web: ['tcp/22', 'tcp/80', 'udp/161'], mail: ['tcp/25', 'udp/514'] });
    await Promise.all([one.end(), other.end()]);
  });

  test('is read until every service is found', async () => {
    const some = await web.run(tcp(80) + tcp(22) + udp(161));
    const read = portsReader(proc.path);
    const { open } = await seen(read, base('web', web.pid, ['http', 'ssh', 'snmp', 'gopher']));
    assert.deepEqual(open, { web: ['tcp/22', 'tcp/80', 'udp/161'] });
    await some.end();
  });

  test('is read again when a socket was opened or closed, and while a service is not found', async () => {
    const read = portsReader(proc.path);
    const now = async () => (await seen(read, base('web', web.pid, ['http', 'ssh']))).open.web;
    assert.deepEqual(await now(), []);
    const ssh = await web.run(tcp(22));
    assert.deepEqual(await now(), ['tcp/22']);
    const http = await web.run(tcp(443));
    assert.deepEqual(await now(), ['tcp/22', 'tcp/443']);
    await http.end();
    assert.deepEqual(await now(), ['tcp/22']);
    await ssh.end();
    assert.deepEqual(await now(), []);
  });

  test('is not read of an unknown service, and of a base that is not inspected yet', async () => {
    const read = portsReader('/nowhere');
    const { open } = await seen(read, base('web', 1, ['gopher']), base('mail', 'later', ['smtp']));
    assert.deepEqual(open, { web: [], mail: 'later' });
  });

  test('is never that of a process which got the number of the former one', async () => {
    const http = await web.run(tcp(80));
    const read = portsReader(proc.path);
    const number = 4711;
    const bases = [base('web', number, ['http']), base('mail', mail.pid, ['smtp'])];
    proc.add(web.pid, containerId('web'), number);
    assert.deepEqual((await seen(read, ...bases)).open, { mail: [], web: ['tcp/80'] });
    // Another container's process, and then one of the same container that began later.
    const other = await namespace();
    proc.add(other.pid, containerId('other'), number);
    assert.deepEqual(await seen(read, ...bases), { open: { mail: [] }, invalidated: [containerId('web')] });
    const next = await namespace();
    proc.add(next.pid, containerId('web'), number);
    assert.deepEqual((await seen(read, ...bases)).open, { mail: [], web: [] });
    await Promise.all([next.end(), other.end()]);
    const { open, invalidated } = await seen(read, ...bases);
    assert.deepEqual([open, invalidated], [{ mail: [] }, [containerId('web')]]);
    await http.end();
  });

  test('is not checked, and says why, by a user who may not read it', async () => {
    // The directory is of root alone.
    const code = `import { portsReader } from ${JSON.stringify(join(packageRoot, 'src/docker/listening.ts'))};
      process.setgroups([]); process.setgid(65534); process.setuid(65534);
      const base = { id: '${containerId('web')}', name: 'web', pid: ${web.pid}, services: ['http'] };
      console.log(JSON.stringify(await portsReader(${JSON.stringify(proc.path)})([base], true)));`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', code]);
    const { ports } = JSON.parse(stdout) as { ports: { kind: string; why: string } };
    assert.equal(ports.kind, 'unchecked');
    assert.match(ports.why, /this user may not read/);
  });

  for (const [what, path, pid, why] of [
    ['has no such processes', '/nowhere', 4711, /not visible here/],
    ['does not show the process of a container', '/proc', null, /engine does not show/],
    ['has a process of another program under that number', '/proc', process.pid, /not visible here/],
  ] as const)
    test(`is not checked, and says why, on a machine that ${what}`, async () => {
      const { ports, invalidated } = await portsReader(path)([base('web', pid, ['http'])], true);
      assert.match(ports.kind === 'unchecked' ? ports.why : '', why);
      assert.deepEqual(invalidated, [], 'another inspection does not help');
    });
});

test('an engine on another machine is not asked for processes', async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end('[]');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const host = `tcp://127.0.0.1:${port}`;
  const engine = dockerEngine(settingsOf({ host }), {}, true);
  const seen = await engine.list({ only: null, containers: 0, generation: '0' });
  assert.deepEqual(seen.kind === 'ok' && seen.ports, {
    kind: 'unchecked',
    why: `the engine at ${host} is not on this machine`,
  });
  assert.equal(asked.length, 1, asked.join());
  server.closeAllConnections();
  server.close();
});
