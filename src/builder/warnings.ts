import { type Address, isWithin, parseAddress } from './addresses.ts';
import { type Network, readNetwork } from './build.ts';
import { type Location, located, shown, type Warning } from './location.ts';
import type { Specification } from './specification.ts';

/**
 * Problems that DECNET does not reject, in the order names, addresses, subsections.
 * @param network the valid network of the fleet
 */
export function warningsOf(specification: Specification, network: Network): readonly Warning[] {
  const { deckies, file } = specification;
  if (deckies.length === 0)
    return [
      { kind: 'empty', at: { file, line: null }, what: 'declares no decky' },
      ...specification.warnings,
    ];
  return [
    ...duplicateNames(specification),
    ...addressWarnings(specification, network),
    ...specification.warnings,
  ];
}

/** Duplicate names: a pass rejects a state file with them. */
function duplicateNames({ deckies }: Specification): readonly Warning[] {
  const first = new Map<string, Location>();
  return deckies.flatMap(({ name, at }) => {
    const before = first.get(name);
    if (before === undefined) {
      first.set(name, at.section);
      return [];
    }
    const what = `the name ${shown(name)} is already used by ${located(before, 'a decky').replace(/: a decky$/, '')}`;
    return [{ kind: 'duplicate-name' as const, at: at.section, what }];
  });
}

function addressWarnings({ deckies }: Specification, network: Network): readonly Warning[] {
  const { subnet, gateway, host, reserved } = readNetwork(network);
  const owners = new Map<Address, string>();
  const faults: readonly { readonly is: string; readonly holds: (address: Address) => boolean }[] = [
    { is: "the gateway's address", holds: (address) => address === gateway },
    { is: "this host's address", holds: (address) => address === host },
    { is: 'a reserved address', holds: (address) => reserved.has(address) },
    { is: `outside the subnet ${shown(network.subnet)}`, holds: (address) => !isWithin(subnet, address) },
    { is: "the subnet's network address", holds: (address) => address === subnet.first },
    { is: "the subnet's broadcast address", holds: (address) => address === subnet.last },
  ];
  return deckies.flatMap(({ name, ip, at }) => {
    const address = ip === null ? null : parseAddress(ip);
    if (ip === null || address === null) return [];
    const owner = owners.get(address);
    owners.set(address, owner ?? name);
    const whats = [
      ...(owner === undefined ? [] : [`is already the address of ${shown(owner)}`]),
      ...faults.filter(({ holds }) => holds(address)).map(({ is }) => `is ${is}`),
    ];
    return whats.map((what) => ({ kind: 'address' as const, at: at.ip, what: `${ip} ${what}` }));
  });
}
