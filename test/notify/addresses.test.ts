import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseConfig } from '../../src/app/config.ts';
import { isWanted, noFilter } from '../../src/fleet/alerts/filter.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { parseReceivers } from '../../src/notify/addresses.ts';

describe('an address of DECNET_NOTIFY', () => {
  for (const [address, kind, name, url] of [
    [
      'https://x.example/hook?token=a%2Fb&c',
      'webhook',
      'webhook x.example',
      'https://x.example/hook?token=a%2Fb&c',
    ],
    ['HTTP://x.example:8080/', 'webhook', 'webhook x.example:8080', 'http://x.example:8080/'],
    [
      'https://x.example/?a=1&severity=info&b=2',
      'webhook',
      'webhook x.example',
      'https://x.example/?a=1&b=2',
    ],
    [
      'slack+https://hooks.slack.com/services/T/B/x',
      'slack',
      'slack hooks.slack.com',
      'https://hooks.slack.com/services/T/B/x',
    ],
    ['ntfy+https://:tk_1@ntfy.sh/decoys', 'ntfy', 'ntfy ntfy.sh', 'https://:tk_1@ntfy.sh/decoys'],
    ['alertmanager+http://am:9093#host=a', 'alertmanager', 'alertmanager am:9093', 'http://am:9093/'],
    [
      'smtp://me:p%2Fw@mx:587/?from=a+b@x.example&to=c@y.example',
      'mail',
      'mail mx:587',
      'smtp://me:p%2Fw@mx:587/',
    ],
    ['smtps://mx?to=c@y&from=a@x', 'mail', 'mail mx', 'smtps://mx'],
    ['syslog+udp://[::1]:1514', 'syslog', 'syslog [::1]:1514', 'udp://[::1]:1514'],
    ['syslog+tcp://logs#name=Audit%20log', 'syslog', 'Audit log', 'tcp://logs'],
  ] as const)
    test(`${address} is for ${kind}`, () => {
      const { receivers, problems } = parseReceivers(address);
      assert.deepEqual(problems, []);
      assert.deepEqual(
        receivers.map((one) => [one.kind, one.name, one.key, one.url.href]),
        [[kind, name, name, url]],
      );
    });

  test('has its filters in the query or after #', () => {
    const { receivers } = parseReceivers(
      ' https://a/?severity=warning&kind=host_stale,docker_unreachable \n https://b/#host=nyc-*,web-1&severity=critical ',
    );
    assert.deepEqual(
      receivers.map(({ filter }) => filter),
      [
        { severity: 'warning', kinds: ['host_stale', 'docker_unreachable'], hosts: [] },
        { severity: 'critical', kinds: [], hosts: ['nyc-*', 'web-1'] },
      ],
    );
  });

  test('of mail has a sender, which may be its login, and recipients', () => {
    const { receivers } = parseReceivers('smtps://a%40x.example:p@mx/?to=b@y.example,%20c+d@y.example');
    assert.deepEqual(
      receivers.map(({ from, to }) => [from, to]),
      [['a@x.example', ['b@y.example', 'c+d@y.example']]],
    );
  });

  test('without a name, at the same location as an earlier one, gets a number', () => {
    const { receivers } = parseReceivers('https://a/1 https://a/2 https://a/3#name=third');
    assert.deepEqual(
      receivers.map(({ key }) => key),
      ['webhook a', 'webhook a 2', 'third'],
    );
  });

  for (const [address, problem] of [
    ['ftp://secret@x', /^address 2 does not begin with one of https:\/\/, http:\/\/, /],
    ['secret', /^address 2 does not begin/],
    ['https://', /^address 2 is not an address$/],
    ['https://x:secret', /is not an address$/],
    ['https://x/secret#level=secret', /has a parameter that is none of severity, kind, host, name$/],
    ['smtp://me:12#secret@x/?from=a@b&to=c@d', /has a parameter that is none of|is not an address/],
    ['smtp://me:12/secret@x/?from=a@b&to=c@d', /has a path, or a password|is not an address/],
    ['smtp://me:12?secret@x/&from=a@b&to=c@d', /has a parameter that is none of|is not an address/],
    ['smtp://me:secret@x/?to=c@d', /has no valid mail address in from=$/],
    ['smtp://me:secret@x/?from=a@b', /has no valid mail addresses in to=$/],
    ['smtp://x/?from=a@b&to=c@d%0d%0aBcc:secret@x', /has no valid mail addresses in to=$/],
    ['ntfy+https://:secret@ntfy.sh/', /has no topic after the host$/],
    ['syslog+udp://x/secret', /has a path/],
    ['https://x/secret#severity=secret', /has a severity that is none of critical, warning, info$/],
    ['https://x/secret#kind=secret', /has a kind that is not a kind of incidents$/],
    ['https://x/secret#kind=', /has a kind that is not/],
    ['https://x/secret#host=a/secret', /has a host that is not a name/],
    ['https://x/secret#host=%zz', /has a parameter with a wrong % in it$/],
    ['https://x/secret#severity=info&severity=info', /has severity twice$/],
    ['https://x/secret#name=sec/ret', /has a name that is not/],
    ['https://x/secret#name=DECNET_WEBHOOK_URL', /has a name that is not/],
    ['https://x/secret#name=first', /has the same name as an earlier one$/],
  ] as const)
    test(`${address} is reported with its position, and not shown`, () => {
      const { receivers, problems } = parseReceivers(`https://a/#name=first ${address}`);
      assert.deepEqual([receivers.length, problems.length], [1, 1]);
      assert.match(problems[0] ?? '', problem);
      assert.doesNotMatch(problems[0] ?? '', /sec.?ret/);
    });

  test('that is wrong names its variable', () => {
    assert.throws(
      () => parseConfig({ DECNET_NOTIFY: 'https://x/ nonsense', DECNET_GRACE: 'x' }),
      /DECNET_GRACE is "x".*; DECNET_NOTIFY: address 2 does not begin with/s,
    );
  });

  test('comes after the one of DECNET_WEBHOOK_URL', () => {
    const { receivers } = parseConfig({
      DECNET_WEBHOOK_URL: 'https://a/?severity=mine',
      DECNET_NOTIFY: 'https://b/',
    });
    assert.deepEqual(
      receivers.map(({ key, name, url }) => [key, name, url.href]),
      [
        ['', 'DECNET_WEBHOOK_URL', 'https://a/?severity=mine'],
        ['webhook b', 'webhook b', 'https://b/'],
      ],
    );
  });
});

describe('a filter', () => {
  const message = (incident: JsonObject | null, host = ''): JsonObject => ({ host_uuid: host, incident });
  const stale = { severity: 'critical', kind: 'host_stale', hosts: 2, host_names: ['nyc-1', 'ams-1'] };
  for (const [what, filter, one, wanted] of [
    ['without parts', {}, message(null), true],
    ['of severity', { severity: 'critical' }, message(stale), true],
    ['of severity', { severity: 'critical' }, message({ ...stale, severity: 'warning' }), false],
    ['of severity', { severity: 'warning' }, message({ ...stale, severity: 'warning' }), true],
    ['of severity', { severity: 'warning' }, message({ ...stale, severity: 'info' }), false],
    ['of severity', { severity: 'info' }, message({ ...stale, severity: 'info' }), true],
    ['of severity', { severity: 'warning' }, message(null, 'a'), true],
    ['of severity', { severity: 'critical' }, message(null, 'a'), false],
    ['of kinds', { kinds: ['queue_paused', 'host_stale'] }, message(stale), true],
    ['of kinds', { kinds: ['queue_paused'] }, message(stale), false],
    ['of kinds', { kinds: ['queue_paused'] }, message(null, 'a'), false],
    ['of hosts', { hosts: ['nyc-*'] }, message(stale), true],
    ['of hosts', { hosts: ['lon-*', 'ams-1'] }, message(stale), true],
    ['of hosts', { hosts: ['lon-*', 'ams'] }, message(stale), false],
    ['of hosts', { hosts: ['nyc-*'] }, message({ ...stale, hosts: 1 }, 'nyc-7'), true],
    ['of hosts', { hosts: ['nyc-*'] }, message({ ...stale, hosts: 1 }, 'ams-7'), false],
    // The message names the first hosts alone.
    ['of hosts', { hosts: ['lon-*'] }, message({ ...stale, hosts: 101 }), true],
    // The control plane.
    ['of hosts', { hosts: ['lon-*'] }, message({ ...stale, hosts: 0, host_names: [] }), true],
    ['of hosts', { hosts: ['*'] }, message(null, 'a'), true],
    ['of hosts', { hosts: ['a*b*c'] }, message(null, 'a-b-b-c'), true],
    ['of hosts', { hosts: ['a*b*c'] }, message(null, 'a-c'), false],
    ['of hosts', { hosts: ['ab*ba'] }, message(null, 'aba'), false],
    ['of hosts', { hosts: ['a.c'] }, message(null, 'abc'), false],
    ['of two parts', { severity: 'critical', hosts: ['lon-*'] }, message(stale), false],
  ] as const)
    test(`${what} ${JSON.stringify(filter)} ${wanted ? 'passes' : 'stops'} ${JSON.stringify(one)}`, () => {
      assert.equal(isWanted({ ...noFilter, ...filter }, one), wanted);
    });
});
