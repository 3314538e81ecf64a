import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { parse } from 'yaml';
import { start } from '../harness/cli.ts';
import { jsonHere, runHere } from '../harness/run-here.ts';

interface Shown {
  readonly file: string | null;
  readonly settings: readonly {
    variable: string;
    value: string | null;
    from: Readonly<Record<string, unknown>>;
  }[];
  readonly warnings: readonly string[];
}

describe('config', () => {
  const directory = mkdtempSync(join(tmpdir(), 'decnet-fleet-config-'));
  after(() => rmSync(directory, { recursive: true }));
  const file = (name: string, content: string): string => {
    const path = join(directory, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  };
  const yaml = file(
    'fleet.yaml',
    `decnet_interval: 60
redis_url: rediss://fleet:s3cret@r/0?password=s3cret
decnet_notify: [https://hooks.example/s3cret, "smtp://me:s3cret@mail.example?from=a@b.example&to=c@d.example"]
decnet_heartbeat_url: https://beat.example/s3cret
`,
  );
  const env = {
    DATABASE_URL_FILE: file('url', 'postgresql://fleet:s3cret@db/fleet\n'),
    DASHBOARD_USER: 'ops',
    DASHBOARD_PASSWORD: 's3cret',
    DOCKER_HOST: 'tcp://me:s3cret@engine:2376',
    DASHBOARD_USR: 'x',
  };

  test('shows what holds, where it comes from, and no secret', async () => {
    const { code, stdout, stderr } = await runHere(['--config', yaml, 'config'], env);
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stdout + stderr, /s3cret/);
    for (const line of [
      `configuration file: ${yaml}`,
      `DATABASE_URL +DATABASE_URL_FILE=${env.DATABASE_URL_FILE} +postgresql://fleet:\\*\\*\\*@db/fleet`,
      `REDIS_URL +${yaml}:2 +rediss://fleet:\\*\\*\\*`,
      'DECNET_HOST_UUID +default +local',
      `DECNET_INTERVAL +${yaml}:1 +60`,
      'DECNET_ROLLOUT +environment +0',
      `DECNET_NOTIFY +${yaml}:3 +webhook hooks.example, mail mail.example`,
      `DECNET_HEARTBEAT_URL +${yaml}:4 +https://beat.example/\\*\\*\\*`,
      'DECNET_WEBHOOK_URL +default +\\(none\\)',
      'DASHBOARD_PASSWORD +environment +\\*\\*\\*',
    ])
      assert.match(stdout, new RegExp(`^${line}`, 'm'));
    assert.equal(
      stderr,
      'decnet-fleet: warning: DASHBOARD_USR is set, but there is no such setting; did you mean DASHBOARD_USER?\n',
    );
  });

  test('is the same as JSON and as YAML', async () => {
    const shown = await jsonHere<Shown>(['config', '--json', '--config', yaml], env);
    assert.equal(shown.file, yaml);
    assert.equal(shown.warnings.length, 1);
    const interval = shown.settings.find(({ variable }) => variable === 'DECNET_INTERVAL');
    assert.deepEqual(interval?.from, { kind: 'config file', file: yaml, line: 1 });
    for (const form of ['json', 'yaml']) {
      const { stdout } = await runHere(['config', '-o', form], { ...env, DECNET_FLEET_CONFIG: yaml });
      assert.deepEqual(parse(stdout), shown);
    }
  });

  test('a file that is not valid: exit 2 for every command, with its line', async () => {
    const wrong = file('wrong.yaml', 'decnet_grace: 1\nintervall: 3\nredis_url: http://s3cret\n');
    const lines = [
      `${wrong}:2: "intervall" is not a key; did you mean decnet_interval?`,
      `${wrong}:3: redis_url is not an address; allowed: redis://…, rediss://…, redis+sentinel://…, rediss+sentinel://…`,
    ];
    for (const command of ['config', 'status', 'doctor']) {
      const { code, stdout, stderr } = await runHere([command, '--config', wrong], {});
      assert.deepEqual([code, stdout, stderr], [2, '', `decnet-fleet: ${lines.join('; ')}\n`]);
    }
    const checked = await runHere(['config', '--check', wrong], {});
    assert.deepEqual(checked, {
      code: 2,
      stdout: '',
      stderr: lines.map((line) => `decnet-fleet: ${line}\n`).join(''),
    });
  });

  test('--check validates a file, whatever the environment has', async () => {
    const { code, stdout, stderr } = await runHere(['config', '--check', yaml], { DECNET_INTERVAL: 'x' });
    assert.deepEqual([code, stdout, stderr], [0, `${yaml}: valid, 4 settings\n`, '']);
    const missing = await runHere(['config', '--check', '/none.yaml'], {});
    assert.equal(missing.code, 2);
    assert.match(missing.stderr, /"\/none\.yaml", which cannot be read \(ENOENT\)\n$/);
  });

  test('--config keeps the exit codes of plan, and may not be repeated', async () => {
    assert.equal((await runHere(['--config', yaml, 'plan', '--nonsense'], {})).code, 1);
    assert.equal((await runHere(['--config', '/none', 'plan'], {})).code, 1);
    const twice = await runHere(['--config', yaml, '--config', yaml, 'config'], {});
    assert.match(twice.stderr, /--config is given more than once/);
    assert.equal(twice.code, 2);
  });

  test('a command that runs until it is stopped logs a warning once', async () => {
    const scheduler = start(
      [],
      { DASHBOARD_USR: 'x', DATABASE_URL: 'postgres://127.0.0.1:1/x' },
      'scheduler.ts',
    );
    await scheduler.said(/does not answer|retrying|waiting/i);
    scheduler.child.kill();
    const { stderr } = await scheduler.finished;
    assert.equal(
      stderr.match(/"level":"warn"[^\n]*DASHBOARD_USR is set[^\n]*did you mean DASHBOARD_USER/g)?.length,
      1,
    );
  });
});
