import type { DecnetPlayer } from './decnet-player.ts';
import { type ApiContainer, engineApi } from './engine-api.ts';
import { engineOf, type FakeEngine } from './fake-engine.ts';
import { containerId } from './namespace.ts';

/** Docker's API with the containers of a player. Events are sent by `tell`. */
export async function playerEngine(
  player: Pick<DecnetPlayer, 'engine'>,
): Promise<FakeEngine & { tell(decky: string, service: string, action: string): void }> {
  const createdAt = Date.now() - 3_600_000;
  const one = (name: string, more: Partial<ApiContainer>): ApiContainer => ({
    id: containerId(name),
    name,
    labels: {},
    networkMode: 'none',
    status: 'running',
    unhealthy: false,
    exitCode: 0,
    error: '',
    restarts: 0,
    restartPolicy: 'no',
    createdAt,
    startedAt: createdAt,
    finishedAt: 0,
    ...more,
  });
  const serviceOf = (decky: string, service: string, state: 'running' | 'exited'): ApiContainer =>
    one(`${decky}-${service.replaceAll('_', '-')}`, {
      labels: {
        'decnet.fleet.service': 'true',
        'decnet.fleet.decky': decky,
        'decnet.fleet.service_name': service,
      },
      networkMode: `container:${containerId(decky)}`,
      ...(state === 'running' ? {} : { status: state, exitCode: 1, finishedAt: createdAt + 1000 }),
    });
  const now = (): readonly ApiContainer[] =>
    [...player.engine].flatMap(([decky, services]) => [
      one(decky, {}),
      ...[...services].map(([service, state]) => serviceOf(decky, service, state)),
    ]);
  const api = engineApi({ id: 'player', aheadMs: 0, now });
  const engine = await engineOf((request, response) =>
    api.answer(new URL(request.url ?? '/', 'http://docker'), response),
  );
  return {
    ...engine,
    tell: (decky, service, action) => api.send(serviceOf(decky, service, 'running'), action),
  };
}
