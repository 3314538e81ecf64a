import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DeckyView } from '../../src/fleet/job.ts';
import { withLogs } from '../../src/pass/container-logs.ts';
import { containerTable } from '../../src/web/pages/containers.ts';

type Container = NonNullable<DeckyView['observed']>['containers'][number];

const one = (name: string, service: string | null, more: Partial<Container> = {}): Container => ({
  name,
  service,
  state: 'running',
  exit_code: null,
  unhealthy: false,
  cut_off: false,
  is_looping: false,
  age_seconds: null,
  ...more,
});

/** The cells of each row, as text. */
const cells = (services: readonly string[], ...containers: Container[]): string[] =>
  [...containerTable(services, containers).text.matchAll(/<tr data-key[^>]*>(.*?)<\/tr>/gs)].map(
    ([, row = '']) =>
      [...row.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)]
        .map(([, cell = '']) => cell.replaceAll(/<[^>]+>/g, ''))
        .join(' | '),
  );

test('a decky as it should be: each container, and nothing differs', () =>
  assert.deepEqual(
    cells(['ssh', 'sniffer'], one('web', null), one('web-ssh', 'ssh', { age_seconds: 7200 })),
    ['web | base, with the address | running |  | ', 'web-ssh | ssh | running, for at least 2 h |  | '],
  ));

test('what is missing, down, unexpected or of no use has a row, what differs, and the next command', () =>
  assert.deepEqual(
    cells(
      ['ssh', 'http', 'ftp', 'smtp', 'imap'],
      one('web', null),
      one('web-ssh', 'ssh', { state: 'exited', exit_code: 137 }),
      one('web-http', 'http', { cut_off: true }),
      one('web-smtp', 'smtp', { unhealthy: true }),
      one('web-imap', 'imap', { is_looping: true }),
      one('web-telnet', 'telnet'),
    ),
    [
      'web | base, with the address | running |  | ',
      'web-ssh | ssh | exited, code 137 (killed) | ≠ down | docker logs --tail 10 web-ssh',
      'web-http | http | running, cut off from its network | ≠ cut off | docker restart web-http',
      'ftp | ftp | no container | ≠ missing | ',
      'web-smtp | smtp | running, unhealthy | ≠ unhealthy | docker logs --tail 10 web-smtp',
      'web-imap | imap | running, restarts again and again | ≠ in a restart loop | docker logs --tail 10 web-imap',
      'web-telnet | no | running | ≠ not declared | ',
    ],
  ));

test('a name that is not one of Docker’s has no command, and is escaped', () => {
  const { text } = containerTable(
    ['ssh'],
    [one('web; reboot <b>', 'ssh', { state: 'exited', exit_code: 1 })],
  );
  assert.doesNotMatch(text, /docker logs|<b>/);
  assert.match(text, /web; reboot &lt;b&gt;/);
});

test('the logs of a job are cleaned, and one that cannot be read is left out', async () => {
  const view = (name: string, ...containers: Container[]): DeckyView => ({
    name,
    desired: null,
    observed: { state: 'running', reason: null, containers },
  });
  const asked: string[] = [];
  const views = await withLogs(
    [view('web', one('web', null), one('web-ssh', 'ssh')), { name: 'gone', desired: null, observed: null }],
    {
      read: async (name, lines) => {
        asked.push(`${name} ${lines}`);
        if (name === 'web') throw new Error('no such container');
        return ['old', '\u001b[31mroot\u001b[0m <b>\u202e', 'redis://u:secret@h'];
      },
    },
    2,
  );
  assert.deepEqual(asked, ['web 2', 'web-ssh 2']);
  assert.deepEqual(
    views.map(({ observed }) => observed?.containers.map(({ log }) => log)),
    [[undefined, ['root <b>\ufffd', 'redis://u:***@h']], undefined],
  );
});

test('what a worker of an older version reports', () =>
  assert.deepEqual(
    cells(['ssh'], { name: 'web-ssh', service: 'ssh', state: 'running', exit_code: null, unhealthy: false }),
    ['base | base, with the address | no base container |  | ', 'web-ssh | ssh | running |  | '],
  ));
