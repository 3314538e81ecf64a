import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { baseOf, serviceOf } from '../../examples/day/decnet.ts';
import { simulatedEngine } from '../../examples/day/simulated.ts';
import { parseConfig } from '../../src/app/config.ts';
import { dockerEngine } from '../../src/docker/engine.ts';
import type { Container } from '../../src/fleet/plan/container-match.ts';

describe('a service that Docker started before its base', () => {
  test('is known, also when it was inspected while it ran', async () => {
    const simulated = await simulatedEngine();
    const { docker } = parseConfig({ DOCKER_HOST: simulated.host });
    const engine = dockerEngine(docker);
    const redis = async (): Promise<Container | undefined> => {
      const answer = await engine.list({ only: null, containers: 0, generation: '0' });
      assert.equal(answer.kind, 'ok');
      return answer.containers.find(({ name }) => name === 'db-redis');
    };
    try {
      for (const container of [baseOf('db'), serviceOf('db', 'redis')]) {
        await simulated.create(container);
        await simulated.start(container.name);
      }
      // Whether it is cut off is asked of the service itself.
      await simulated.restart('db');
      assert.equal((await redis())?.network, 'cut off');
      await simulated.stop('db-redis');
      assert.equal((await redis())?.startedBeforeBase, false);
      await simulated.stop('db');
      await assert.rejects(simulated.start('db-redis'), /cannot join network/);
      await simulated.start('db');
      const found = await redis();
      assert.equal(found?.exitCode, 128);
      assert.equal(found.startedBeforeBase, true);
    } finally {
      await simulated.close();
    }
  });
});
