/** An IPv4 address as a number. */
export type Address = number;

/** Parses an IPv4 address: four octets without leading zeros. Null: not valid. @see FLEET_BUILDER.md, section 3 */
export function parseAddress(text: string): Address | null {
  const octets = text.split('.');
  if (octets.length !== 4) return null;
  let address = 0;
  for (const octet of octets) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(octet) || Number(octet) > 255) return null;
    address = address * 256 + Number(octet);
  }
  return address;
}

export const addressText = (address: Address): string =>
  [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');

export interface Subnet {
  /** The network's own address. */
  readonly first: Address;
  /** The broadcast address. */
  readonly last: Address;
}

/** Parses `a.b.c.d/len` or `a.b.c.d/mask` and clears the host bits. Null: not valid. @see FLEET_BUILDER.md, section 3, "Address" */
export function parseSubnet(text: string): Subnet | null {
  const [base = '', mask, ...more] = text.split('/');
  const address = parseAddress(base);
  if (address === null || mask === undefined || more.length > 0) return null;
  const length = /^[0-9]{1,2}$/.test(mask) ? Number(mask) : lengthOf(mask);
  if (length === null || length > 32) return null;
  const size = 2 ** (32 - length);
  const first = Math.floor(address / size) * size;
  return { first, last: first + size - 1 };
}

/** The prefix length of a network mask or a host mask (0.0.0.255); null: not a mask. */
function lengthOf(mask: string): number | null {
  const bits = parseAddress(mask);
  if (bits === null) return null;
  for (let length = 0; length <= 32; length++) {
    const host = 2 ** (32 - length) - 1;
    if (bits === 0xffff_ffff - host) return length;
  }
  for (let length = 1; length < 32; length++) if (bits === 2 ** (32 - length) - 1) return length;
  return null;
}

export const isWithin = ({ first, last }: Subnet, address: Address): boolean =>
  address >= first && address <= last;

/**
 * The free host addresses of a subnet in ascending order, without the network address, the broadcast address and `taken`.
 * @param from the lowest address to return
 */
export function* freeAddresses(
  { first, last }: Subnet,
  taken: ReadonlySet<Address>,
  from: Address = first,
): Generator<Address, undefined> {
  for (let address = Math.max(first + 1, from); address < last; address++)
    if (!taken.has(address)) yield address;
}
