import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { releaseNotes } from '../../.ci/release.ts';
import { packageRoot } from '../../src/lib/package.ts';

const changelog = `# Changelog

## Unreleased

- Later.

## [1.2.0] - 2026-11-28

### Added

- A thing.

## 1.1.0 - 2026-02-30

- Another.

## 1.0.0

- First.

## 0.9.0 - 2026-01-31
`;

describe('the notes of a release', () => {
  test('are the section of its version', () =>
    assert.equal(releaseNotes({ tag: 'v1.2.0', version: '1.2.0', changelog }), '### Added\n\n- A thing.\n'));

  test('may end with the file', () => {
    const more = `${changelog}\n- Begin.\n`;
    assert.equal(releaseNotes({ tag: 'v0.9.0', version: '0.9.0', changelog: more }), '- Begin.\n');
  });

  for (const [tag, version, message] of [
    ['v1.2.1', '1.2.0', 'The tag is v1.2.1, but package.json has version 1.2.0: tag v1.2.0, or change it'],
    ['1.2.0', '1.2.0', 'The tag is 1.2.0, but package.json has version 1.2.0: tag v1.2.0, or change it'],
    ['v2.0.0', '2.0.0', 'CHANGELOG.md has no section of 2.0.0: rename "Unreleased" to "2.0.0 - DATE"'],
    ['v1.1.0', '1.1.0', 'CHANGELOG.md:13: the section of 1.1.0 has no date such as 2026-01-31'],
    ['v1.0.0', '1.0.0', 'CHANGELOG.md:17: the section of 1.0.0 has no date such as 2026-01-31'],
    ['v0.9.0', '0.9.0', 'CHANGELOG.md:21: the section of 0.9.0 is empty'],
  ] as const)
    test(`refuse ${tag} of ${version}`, () =>
      assert.throws(() => releaseNotes({ tag, version, changelog }), { message }));

  test('the program fails with one line', async () => {
    const script = join(packageRoot, '.ci', 'release.ts');
    const failed = promisify(execFile)(process.execPath, [script, 'v0.0.0'], { cwd: packageRoot });
    await assert.rejects(failed, (error: { code: number; stdout: string; stderr: string }) => {
      assert.equal(error.code, 1);
      assert.equal(error.stdout, '');
      assert.match(error.stderr, /^The tag is v0\.0\.0, but package\.json has version [\d.]+: .*\n$/);
      return true;
    });
  });
});

interface Job {
  readonly needs?: string;
  readonly if?: string;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly environment?: string;
  readonly 'timeout-minutes'?: number;
  readonly steps: readonly { readonly uses?: string; readonly run?: string }[];
}

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

describe('the workflows', () => {
  const workflow = (name: string): Workflow =>
    parse(readFileSync(join(packageRoot, '.github', 'workflows', name), 'utf8')) as Workflow;
  const { jobs, permissions } = workflow('release.yml');

  test('a release is checked as every commit is', () => {
    assert.deepEqual(jobs.check?.steps, workflow('ci.yml').jobs.debian?.steps);
    assert.equal(jobs.check?.needs, 'version');
    assert.equal(jobs.release?.needs, 'check');
  });

  test('only the jobs that need a right have it', () => {
    assert.deepEqual(permissions, { contents: 'read' });
    const more = Object.entries(jobs).filter(([, job]) => job.permissions !== undefined);
    assert.deepEqual(Object.fromEntries(more.map(([name, job]) => [name, job.permissions])), {
      release: { contents: 'write' },
      publish: { contents: 'read', 'id-token': 'write' },
    });
  });

  test('publishing is a step of its own, by hand, with provenance', () => {
    assert.match(jobs.publish?.if ?? '', /github\.event_name == 'workflow_dispatch'/);
    assert.equal(jobs.publish?.environment, 'npm');
    const publishing = Object.entries(jobs).filter(([, { steps }]) =>
      steps.some(({ run }) => run?.includes('npm publish')),
    );
    assert.deepEqual(
      publishing.map(([name]) => name),
      ['publish'],
    );
    assert.ok(jobs.publish?.steps.some(({ run }) => run?.includes('--provenance')));
  });

  test('each job has a time limit, and each action a version', () => {
    for (const name of ['ci.yml', 'release.yml'])
      for (const [job, { steps, 'timeout-minutes': limit = 0 }] of Object.entries(workflow(name).jobs)) {
        assert.ok(limit > 0, job);
        for (const { uses } of steps)
          if (uses !== undefined) assert.match(uses, /^actions\/[\w-]+@v\d+$/, job);
      }
  });
});
