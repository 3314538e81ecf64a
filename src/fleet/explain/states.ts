import type { FleetState } from '../state.ts';
import type { Explanation } from './explanation.ts';

/** Every state of a row. */
export const stateExplanations: Readonly<Record<FleetState, Explanation>> = {
  running: {
    meaning: 'All service containers of the decky run.',
    advice: 'Nothing to do.',
  },
  degraded: {
    meaning: 'Some service containers run and others do not, or one is unhealthy. The reason lists them.',
    advice: 'Read the log of the container that the reason names: docker logs DECKY-SERVICE.',
  },
  failed: {
    meaning: 'The decky has service containers and none of them runs.',
    advice:
      'The reason has the exit code; `decnet-fleet explain CODE` says what it means. Read the log: docker logs DECKY-SERVICE.',
  },
  torn_down: {
    meaning: 'The state file declares the decky and Docker has no container of it.',
    advice: 'Deploy it again with DECNET, or remove it from the state file.',
  },
  pending: {
    meaning:
      'The decky is being deployed, or Docker has not answered since it was declared. Its state is not known yet.',
    advice:
      'Wait for the deployment: decnet-fleet wait --for=converged. After DECNET_ROLLOUT it gets the observed state.',
  },
  tearing_down: {
    meaning: 'Another program is removing the decky. Passes leave the row alone until that is done.',
    advice: 'Nothing to do. If it lasts longer than DECNET_GRACE, the row takes the observed state.',
  },
  teardown_failed: {
    meaning: 'Another program tried to remove the decky and failed.',
    advice: 'Read the error of that program, and remove the decky again with DECNET.',
  },
};
