import { runningWeb } from './docker.ts';
import { engineOf, type FakeEngine, quietEngine } from './fake-engine.ts';

/** An engine with one container, of the decky `web`, that runs or has ended. It sends no events. */
export interface WebEngine extends FakeEngine {
  webRuns(isRunning: boolean): void;
}

export async function webEngine(): Promise<WebEngine> {
  let web: object = runningWeb;
  const engine = await engineOf(
    quietEngine({ containers: 1, list: (response) => response.end(JSON.stringify([web])) }),
  );
  return {
    ...engine,
    webRuns: (isRunning) => {
      web = isRunning ? runningWeb : { ...runningWeb, State: 'exited', Status: 'Exited (1) 2 seconds ago' };
    },
  };
}
