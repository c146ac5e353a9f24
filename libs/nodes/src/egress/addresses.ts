import { BlockList, isIP } from 'node:net';

/** Why an address may not be called: `metadata` never may, `private` only where the settings say so. */
export type AddressClass = 'public' | 'private' | 'metadata';

type Range = readonly [address: string, prefix: number];

// Cloud metadata services hand out credentials to whoever asks. All of IPv4 link-local counts, since every
// provider puts its services somewhere in there; the rest are the ones that live elsewhere.
const METADATA: readonly Range[] = [
  ['169.254.0.0', 16],
  ['100.100.100.200', 32],
  ['192.0.0.192', 32],
  ['168.63.129.16', 32],
  ['fd00:ec2::', 32],
  ['fd20:ce::', 64],
];

// IANA's special-purpose registries: everything that is not a public unicast address.
const PRIVATE: readonly Range[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
  ['::', 127],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['fc00::', 7],
  ['fe80::', 9],
  ['ff00::', 8],
];

/** IPv6 ranges that carry an IPv4 address, and the group it starts at: mapped, compatible, NAT64, 6to4. */
const EMBEDDING: readonly (readonly [...Range, group: number])[] = [
  ['::ffff:0:0', 96, 6],
  ['::ffff:0:0:0', 96, 6],
  ['::', 96, 6],
  ['64:ff9b::', 96, 6],
  ['2002::', 16, 1],
];

const family = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 4 ? 'ipv4' : 'ipv6');
const listOf = (ranges: readonly Range[]): BlockList => {
  const list = new BlockList();
  for (const [address, prefix] of ranges) list.addSubnet(address, prefix, family(address));
  return list;
};
const metadata = listOf(METADATA);
const privateRanges = listOf(PRIVATE);
const embedding = EMBEDDING.map(([address, prefix, group]) => ({ list: listOf([[address, prefix]]), group }));

/** The class of an IP address, by what it reaches: `::ffff:127.0.0.1` is as private as `127.0.0.1`. */
export function classifyAddress(address: string): AddressClass {
  const bare = address.replace(/%.*$/s, '');
  const version = isIP(bare);
  if (version === 0) return 'private';
  if (version === 6) {
    const groups = groupsOf(bare);
    const carrier =
      bare === '::' || bare === '::1' ? undefined : embedding.find(({ list }) => list.check(bare, 'ipv6'));
    if (carrier) {
      const [high, low] = groups.slice(carrier.group, carrier.group + 2) as [number, number];
      return classifyAddress([high >> 8, high & 255, low >> 8, low & 255].join('.'));
    }
  }
  if (metadata.check(bare, family(bare))) return 'metadata';
  return privateRanges.check(bare, family(bare)) ? 'private' : 'public';
}

/** The eight 16-bit groups of an IPv6 address; URL writes every form of it the same way. */
function groupsOf(address: string): number[] {
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const parse = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => parseInt(group, 16));
  const left = parse(head);
  const right = parse(tail ?? '');
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
}
