import type { BuiltDecky } from './build.ts';

export interface DocumentOptions {
  /** The host that runs the deckies; null: the host that has the file. */
  readonly host: string | null;
  readonly interface: string;
  readonly subnet: string;
  readonly gateway: string;
  /** Minutes. */
  readonly mutateInterval: number;
}

/**
 * A complete state file, as DECNET writes it.
 * @see DOMAIN.md, decnet-state.json; FLEET_BUILDER.md, section 5
 */
export const stateDocument = (deckies: readonly BuiltDecky[], options: DocumentOptions): object => ({
  config: {
    mode: options.host === null ? 'unihost' : 'swarm',
    interface: options.interface,
    subnet: options.subnet,
    gateway: options.gateway,
    deckies,
    log_file: '/var/log/decnet/decnet.log',
    ipvlan: false,
    mutate_interval: options.mutateInterval,
  },
  compose_path: 'decnet-compose.yml',
});

/** Sets the host of the deckies. */
export const onHost = (deckies: readonly BuiltDecky[], host: string | null): readonly BuiltDecky[] =>
  host === null ? deckies : deckies.map((decky) => ({ ...decky, host_uuid: host }));
