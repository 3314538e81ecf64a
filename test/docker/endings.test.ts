import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { endings } from '../../src/docker/endings.ts';
import { watchEngine } from '../../src/docker/events.ts';
import { type Answer, settingsOf, withEngine } from '../harness/hostile-engine.ts';
import { waitFor } from '../harness/wait.ts';

/** `3 kill 15` at second 3, `5 die`: of a container named web-ssh, unless another is named last. */
function endedBy(events: string): string {
  const found = endings();
  for (const event of events.split(', ')) {
    const [, at, action = '', signal, name = 'web-ssh'] =
      /^([\d.]+) ([a-z]+)(?: (\d+))?(?: of (.+))?$/.exec(event) ?? assert.fail(event);
    const known = signal === undefined ? null : Number(signal);
    if (action === 'lost') found.lost(Number(signal ?? 1));
    found.event({ action, id: `id of ${name}`, name, at: Number(at), signal: known });
  }
  return [...found.byName()].map(([name, by]) => `${name}: ${by}`).join(', ');
}

const request = 'web-ssh: request';

describe('who ended a container', () => {
  for (const [what, events, expected] of [
    ['docker stop', '1 kill 15, 2 die, 2 stop', request],
    ['docker stop of one that does not listen', '1 kill 15, 11 kill 9, 11 die, 11 stop', request],
    ['docker stop with another signal', '1 kill 28, 8 die, 8 stop', request],
    ['docker stop with a long time', '1 kill 15, 121 kill 9, 121 die, 121 stop', request],
    ['docker kill', '1 kill 9, 1 die', request],
    ['docker kill without its signal', '1 kill, 1 die', request],
    ['docker restart', '1 kill 15, 2 die, 2 stop, 2 start, 2 restart', ''],
    ['docker restart, which fails', '1 kill 15, 2 die, 2 stop', request],
    ['docker rm -f', '1 kill 9, 1 die, 1 destroy', request],
    ['out of memory', '1 oom, 1 die', 'web-ssh: memory'],
    ['out of memory, of a child, and a crash later', '1 oom, 30 die', ''],
    ['stopped, then out of memory', '1 kill 15, 2 oom, 2 die', 'web-ssh: memory'],
    ['a crash', '1 die', ''],
    ['a crash, and a new start', '1 die, 2 start', ''],
    ['a crash after a stop and a start', '1 kill 15, 2 die, 2 stop, 3 start, 9 die', ''],
    ['a crash long after a request without an end', '1 kill 15, 62 die', ''],
    ['SIGHUP, and a crash later', '1 kill 1, 30 die', ''],
    ['SIGHUP that ends it', '1 kill 1, 2 die', request],
    ['SIGUSR1, then docker stop', '1 kill 10, 9 kill 15, 10 die, 10 stop', request],
    ['another container', '1 kill 9 of web, 2 die of web-ssh, 2 die of web', 'web: request'],
    ['the clock of the engine goes back', '9 kill 9, 8 die', request],
    ['an end that nobody announced, after one that was', '1 kill 9, 1 die, 2 start, 3 die', ''],
    ['a word that is not known', '1 attach, 2 resize', ''],
    ['the engine is stopped', '1.1 kill 15, 1.2 die, 1.2 stop, 2.2 lost', 'web-ssh: engine'],
    ['the engine is stopped, and waits in vain', '1 kill 15, 11 kill 9, 11 die, 12 lost', 'web-ssh: engine'],
    ['the engine is stopped, and does not say that it ended', '1 kill 15, 1.5 lost', 'web-ssh: engine'],
    ['the engine is stopped, and starts it again', '1 kill 15, 2 die, 3 lost, 5 start', ''],
    ['docker stop, long before the engine is stopped', '1 kill 15, 2 die, 2 stop, 9 lost 7', request],
    ['docker kill, right before the engine is stopped', '1 kill 9, 1.1 die, 1.2 lost', request],
    [
      'docker stop, right before the engine stops another one',
      '1 kill 15, 1.1 die, 1.2 stop, 1.3 kill 15 of web, 1.4 die of web, 2 lost',
      'web-ssh: request, web: engine',
    ],
    [
      'a crash, right before the engine is stopped',
      '1 die, 1.1 kill 15 of web, 1.2 die of web, 2 lost',
      'web: engine',
    ],
    ['SIGHUP, and the engine is stopped', '1 kill 1, 9 kill 15, 9 die, 10 lost', 'web-ssh: engine'],
    [
      'the engine is lost twice',
      '1 kill 15, 1 die, 2 lost, 3 start, 9 kill 15, 9 die, 9 stop, 30 lost 20',
      request,
    ],
  ] as const)
    test(what, () => assert.equal(endedBy(events), expected));

  test('containers without an end fill no memory', () => {
    const found = endings();
    for (let at = 0; at < 25_000; at++) {
      found.event({ action: 'kill', id: `${at}`, name: `c${at}`, at, signal: 9 });
      found.event({ action: 'stop', id: `${at}`, name: `c${at}`, at, signal: null });
    }
    assert.equal(found.byName().size, 10_000);
    assert.ok(found.byName().has('c24999'));
  });
});

describe('the engine’s events', () => {
  const events =
    (lines: readonly string[]): Answer =>
    (response) =>
      void response.write(`${lines.join('\n')}\n`);
  const line = (Action: unknown, attributes: object, more: object = {}): string =>
    JSON.stringify({ Type: 'container', Action, Actor: { ID: 'abc', Attributes: attributes }, ...more });

  test('tell who ended a container, and hostile ones tell nothing', async () => {
    const found = endings();
    const name = 'web-ssh';
    const hostile = [
      ...['', 'x', 'null', '[]', '7', '{"Actor":null}', '{"Actor":{"ID":7,"Attributes":{"name":"web"}}}'],
      line('kill', { name: 7, signal: {} }),
      line(['kill'], { name: 'odd' }),
      line('stop', {}),
      line('die', { name }, { time: 'now' }),
    ];
    const good = [
      line('kill', { name, signal: '1' }, { time: 100 }),
      line('die', { name }, { time: 130 }),
      line('kill', { name: 'mail', signal: '15' }, { time: 131 }),
      line('die', { name: 'mail' }, { time: 132 }),
    ];
    const answers = [[/^\/events$/, events([...hostile, ...good])]] as const satisfies readonly (readonly [
      RegExp,
      Answer,
    ])[];
    await withEngine(answers, async (engine) => {
      const watching = watchEngine(settingsOf(engine), found).start(
        () => undefined,
        () => undefined,
      );
      await waitFor(() => found.byName().size > 0, 10_000);
      await watching.close();
    });
    assert.deepEqual([...found.byName()], [['mail', 'request']]);
  });
});
