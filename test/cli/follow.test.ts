import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import pg from 'pg';
import { packageRoot } from '../../src/lib/package.ts';
import { cli, type Running, start } from '../harness/cli.ts';
import { ask, postgresServer, type Server } from '../harness/servers.ts';
import { noTerminal, onTerminal } from '../harness/terminal.ts';

const insert = `insert into fleet_transitions (host_uuid, name, from_state, to_state, reason, at)
  values ($1, $2, 'running', 'failed', $3, now())`;

describe('history --follow', async () => {
  let server: Server;
  let env: { readonly DATABASE_URL: string; readonly NO_COLOR: string };
  const change = (host: string, name: string, reason = 'no container') =>
    ask(server.url, insert, [host, name, reason]);
  before(async () => {
    server = await postgresServer();
    env = { DATABASE_URL: server.url, NO_COLOR: '1' };
    await cli(['migrate'], env);
    for (let at = 0; at < 20; at += 1) await change('alpha', `old-${at}`);
  });
  after(() => server.remove());
  const stopped = async (running: Running) => {
    running.child.kill('SIGTERM');
    const { code, stdout, stderr } = await running.finished;
    assert.equal(code, 0, stderr);
    return stdout.trim().split('\n');
  };
  const namesIn = (lines: readonly string[]): readonly string[] =>
    lines.map((line) => /^\S+ {2}\w+ {2}(\S+)/.exec(line)?.[1] ?? line);

  test('prints the newest changes, oldest first, then each new one', async () => {
    const running = start(['history', '--follow', '--limit', '2'], env);
    await running.said(/old-19/);
    await change('beta', 'new-1', 'ssh: exited, code 137');
    await running.said(/new-1/);
    await change('alpha', 'new-2');
    await running.said(/new-2/);
    const lines = await stopped(running);
    assert.deepEqual(namesIn(lines), ['old-18', 'old-19', 'new-1', 'new-2']);
    assert.match(
      lines[2] ?? '',
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ {2}beta {2}new-1 {2}running -> failed {2}ssh: exited, code 137 \(killed\)$/,
    );
  });

  test('keeps to its filter, which history without --follow has, too', async () => {
    const following = start(['history', '--follow', '--filter', 'decky:kept-* reason:137'], env);
    await change('alpha', 'kept-1', 'ssh: exited, code 1');
    await change('alpha', 'other', 'ssh: exited, code 137');
    await change('alpha', 'kept-2', 'ssh: exited, code 137');
    await following.said(/kept-2/);
    assert.deepEqual(namesIn(await stopped(following)), ['kept-2']);
    const { stdout } = await cli(['history', '--filter', 'decky:kept-* -reason:137'], env);
    assert.match(stdout, /kept-1/);
    assert.doesNotMatch(stdout, /kept-2|other|old/);
    assert.match(
      (await cli(['history', '--filter', 'state:torn_down'], env)).stdout,
      /No change matches the filter/,
    );
  });

  test('keeps to its filters', async () => {
    const running = start(['history', '--follow', '--host', 'alpha', '--decky', 'mine', '--since', '1s'], {
      ...env,
    });
    // It has no earlier change, and is unknown: as without --follow.
    assert.equal((await running.finished).code, 1);
    await change('alpha', 'mine', 'first');
    const following = start(['history', '--follow', '--host', 'alpha', '--decky', 'mine'], env);
    await following.said(/first/);
    await change('beta', 'mine', 'of another host');
    await change('alpha', 'other', 'of another decky');
    await change('alpha', 'mine', 'second');
    await following.said(/second/);
    assert.equal((await stopped(following)).length, 2);
  });

  test('a change whose transaction is committed late is printed once', async () => {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    await client.query('begin');
    await client.query(insert, ['alpha', 'late', 'no container']);
    const running = start(['history', '--follow', '--limit', '1'], env);
    await running.said(/\n/);
    await change('alpha', 'early');
    await running.said(/early/);
    await client.query('commit');
    await client.end();
    await running.said(/late/);
    await change('alpha', 'end');
    await running.said(/end/);
    assert.deepEqual(namesIn(await stopped(running)).slice(1), ['early', 'late', 'end']);
  });

  test('an outage of the database costs no change, and is reported once', async () => {
    const running = start(['history', '--follow', '--limit', '1'], env);
    await running.said(/\n/);
    await server.stop();
    await running.said(/decnet-fleet: The database .*Retrying/);
    await server.start();
    await change('alpha', 'after-outage');
    await running.said(/after-outage/);
    await running.said(/decnet-fleet: the database answers again/);
    assert.equal(running.output().match(/Retrying/g)?.length, 1);
    assert.doesNotMatch(running.output(), new RegExp(`${new URL(server.url).password || 'xxxx'}`));
    assert.equal(namesIn(await stopped(running)).at(-1), 'after-outage');
  });

  test('--json prints an object a line, gaps included, that matches its schema', async () => {
    const schema = readFileSync(join(packageRoot, 'docs/schemas/change.schema.json'), 'utf8');
    const holds = new Ajv2020({ allErrors: true }).compile(JSON.parse(schema));
    const running = start(['history', '--follow', '--json', '--limit', '3'], env);
    await running.said(/\n/);
    await ask(server.url, `insert into fleet_gaps values ('alpha', now() - interval '1 hour', now())`);
    await change('alpha', 'hostile', 'a\u001b[2Jb\u009bc');
    await running.said(/hostile/);
    await running.said(/"kind":"gap"/);
    const lines = await stopped(running);
    assert.equal(lines.length, 5);
    for (const line of lines) {
      assert.ok(holds(JSON.parse(line)), `${line}: ${JSON.stringify(holds.errors)}`);
      assert.match(line, /^[ -~\ufffd]*$/);
    }
    assert.deepEqual(lines.map((line) => JSON.parse(line).kind).sort(), [
      'gap',
      'transition',
      'transition',
      'transition',
      'transition',
    ]);
  });

  test('ends when its reader goes away', async () => {
    const running = start(['history', '--follow'], env);
    await running.said(/\n/);
    running.child.stdout?.destroy();
    await change('alpha', 'unread');
    assert.equal((await running.finished).code, 0);
  });

  test('on a terminal: no control character of a reason, and Ctrl-C ends it', {
    skip: noTerminal,
  }, async () => {
    const terminal = onTerminal(['history', '--follow', '--limit', '1'], { DATABASE_URL: server.url });
    await terminal.said(/Z/);
    await change('alpha', 'shown', 'x\u001b[2Jy');
    assert.match(await terminal.said(/shown/), /x\ufffd\[2Jy/);
    terminal.child.stdin?.write('\u0003');
    assert.equal((await terminal.finished).code, 0);
  });
});
