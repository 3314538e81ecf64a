import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { beginOf, portOf, socketCounts, type TableName, tablesOf } from '../../src/docker/proc-net.ts';

/** The rest of a line after the state, as Linux writes it. */
const rest = '00000000:00000000 00:00000000 00000000     0        0 11491214 1 00000000906b92ac 100 0 0 10 0';
const v6 = '00000000000000000000000000000000';

describe('a line of /proc/PID/net', () => {
  const lines: readonly [table: TableName, line: string, port: string | null][] = [
    ['tcp', `   0: 00000000:0050 00000000:0000 0A ${rest}`, 'tcp/80'],
    ['tcp', `  12: 0100007F:01BB 00000000:0000 0A ${rest}`, 'tcp/443'],
    ['tcp', `1234: 00000000:FFFF 00000000:0000 0A ${rest}`, 'tcp/65535'],
    ['tcp6', `   0: ${v6}:0016 ${v6}:0000 0A ${rest}`, 'tcp/22'],
    ['tcp6', `   0: 0000000000000000FFFF00000100007F:0016 ${v6}:0000 0A ${rest}`, 'tcp/22'],
    ['udp', `  123: 00000000:00A1 00000000:0000 07 ${rest} 2 0 0`, 'udp/161'],
    ['udp6', `  123: ${v6}:0035 ${v6}:0000 07 ${rest}`, 'udp/53'],
    // A connection: of TCP they follow the listeners.
    ['tcp', `   1: 0100007F:0050 0100007F:C350 01 ${rest}`, 'end'],
    ['tcp', `   1: 0100007F:0050 0100007F:C350 06 ${rest}`, 'end'],
    ['tcp', `   1: 0100007F:0050 0100007F:C350 03 ${rest}`, null],
    ['udp', `   1: 0100007F:0050 0100007F:C350 01 ${rest}`, null],
    // The state of the other protocol.
    ['udp', `   1: 00000000:0050 00000000:0000 0A ${rest}`, null],
    [
      'tcp',
      '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
      null,
    ],
    ['tcp', '', null],
    ['tcp', `   0: 00000000:0000 00000000:0000 0A ${rest}`, null],
    ['tcp', `   0: 00000000:50 00000000:0000 0A ${rest}`, null],
    ['tcp', `   0: 00000000:0050 00000000:0000 0`, null],
    ['tcp', `   x: 00000000:0050 00000000:0000 0A ${rest}`, null],
  ];
  for (const [table, line, port] of lines)
    test(`${table} ${line.slice(0, 60).trim() || '(empty)'} is ${port}`, () =>
      assert.equal(portOf(table, line), port));
});

test('only the tables of the protocols are read', () => {
  assert.deepEqual(tablesOf(['tcp/80']), ['tcp', 'tcp6']);
  assert.deepEqual(tablesOf(['udp/53', 'tcp/53']), ['tcp', 'tcp6', 'udp', 'udp6']);
  assert.deepEqual(tablesOf([]), []);
});

describe('the counts of sockets', () => {
  const sockstat = `sockets: used 236
TCP: inuse 42 orphan 0 tw 239 alloc 42 mem 0
UDP: inuse 3 mem 0
UDPLITE: inuse 9
RAW: inuse 0
FRAG: inuse 0 memory 0
`;
  const sockstat6 = 'TCP6: inuse 5\nUDP6: inuse 7\nUDPLITE6: inuse 8\n';
  test('are those of the network', () => {
    assert.deepEqual(socketCounts(sockstat, sockstat6)?.tables, { tcp: 42, tcp6: 5, udp: 3, udp6: 7 });
    assert.deepEqual(socketCounts(sockstat, '')?.tables, { tcp: 42, tcp6: 0, udp: 3, udp6: 0 });
  });
  test('do not change with what is the whole machine’s', () => {
    const others = sockstat.replace('tw 239', 'tw 1').replace('alloc 42', 'alloc 7');
    assert.equal(socketCounts(others, sockstat6)?.text, socketCounts(sockstat, sockstat6)?.text);
    const more = sockstat.replace('used 236', 'used 237');
    assert.notEqual(socketCounts(more, sockstat6)?.text, socketCounts(sockstat, sockstat6)?.text);
  });
  test('are not taken from another text', () => {
    for (const text of ['', 'TCP: inuse 4', 'TCP: inuse x\nUDP: inuse 1'])
      assert.equal(socketCounts(text, ''), null);
  });
});

describe('when a process began', () => {
  const after = (name: string, state: string) =>
    `4711 (${name}) ${state} 1 1 1 0 -1 4194304 101 0 0 0 0 0 0 0 20 0 1 0 5549568 2998272 381`;
  test('is found after any name', () => {
    for (const name of ['sleep', 'a b', ') R 1 (', 'x\ny'])
      assert.equal(beginOf(after(name, 'S')), '5549568');
  });
  test('is not that of a process that has ended', () => {
    for (const state of ['Z', 'X', 'x']) assert.equal(beginOf(after('sleep', state)), null);
    assert.equal(beginOf(''), null);
    assert.equal(beginOf('4711 (sleep) S 1'), null);
  });
});
