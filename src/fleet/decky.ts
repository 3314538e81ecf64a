import type { JsonObject } from '../lib/json.ts';

/** A decoy machine, as the state file declares it. */
export interface Decky {
  readonly name: string;
  readonly ip: string;
  /** In the order of the file, without duplicates. */
  readonly services: readonly string[];
  /** The whole object of the file, unchanged, as stored in `decky_config`. */
  readonly config: JsonObject;
}

/** The name of the host in an installation with only one. @see DOMAIN.md */
export const localHost = 'local';

/** @see DOMAIN.md, `name` */
export const isLegalName = (name: string): boolean => /^[A-Za-z0-9._-]{1,128}$/.test(name);

/** @see CONTRACT.md, `DECNET_HOST_UUID` */
export const isLegalHost = (host: string): boolean =>
  /^[A-Za-z0-9._-]{1,64}$/.test(host) && !/^\.+$/.test(host);

/** Services that run once per host instead of once per decky. @see DOMAIN.md */
const singletons: ReadonlySet<string> = new Set(['sniffer']);

/** The services for which the decky must have a container. */
export const expectedServices = (services: readonly string[]): readonly string[] =>
  services.filter((service) => !singletons.has(service));

/** Whether `suffix` of a container's name is the name of this service. Compose may replace `_` by `-`. */
export const matchesServiceName = (suffix: string, service: string): boolean =>
  suffix === service || suffix === service.replaceAll('_', '-');
