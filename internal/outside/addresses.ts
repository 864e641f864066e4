/**
 * Where a URL from outside may lead: to ordinary public addresses. Everything else is this machine, its network or a
 * cloud's metadata service, which a hostile service would have us ask for it.
 */
import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../text/quote.ts';

/** All addresses of a host name. */
export type Resolve = (host: string) => Promise<LookupAddress[]>;

/** The one block that global unicast addresses are given out of (RFC 4291, IANA); the rest of IPv6 has other uses or none. */
const globalUnicast = ipaddr.IPv6.parse('2000::');
/** How IPv6-only networks spell IPv4 addresses (RFC 6052). */
const translated = ipaddr.IPv6.parse('64:ff9b::');
/** Microsoft's platform service: a public address by its number, this machine's own host by what answers there. */
const azurePlatform = '168.63.129.16';

/**
 * What clouds answer at inside a range for private networks: AWS (metadata, time, DNS and their container agents), Google,
 * Oracle and Scaleway. A reviewed host may be in such a range, and never there.
 */
const internalMetadata: readonly (readonly [network: string, bits: number])[] = [
  ['fd00:ec2::', 32],
  ['fd20:ce::254', 128],
  ['fd00:c1::a9fe:a9fe', 128],
  ['fd00:42::42', 128],
];

/** Whether an address, spelled as the system spells it, is an ordinary public one. */
export function isPublicAddress(address: string): boolean {
  // A zone names an interface of this machine.
  if (isIP(address) === 0 || address.includes('%')) return false;
  const parsed = ipaddr.parse(address);
  if (parsed instanceof ipaddr.IPv4) return parsed.range() === 'unicast' && parsed.toString() !== azurePlatform;
  if (parsed.match(translated, 96)) return isPublicAddress(new ipaddr.IPv4(parsed.toByteArray().slice(12)).toString());
  return parsed.range() === 'unicast' && parsed.match(globalUnicast, 3);
}

/** Whether an address belongs to an organization's own network: never this machine's, its link's or a cloud's metadata. */
function isInternalAddress(address: string): boolean {
  if (isIP(address) === 0 || address.includes('%')) return false;
  const parsed = ipaddr.parse(address);
  if (parsed instanceof ipaddr.IPv4) return parsed.range() === 'private';
  const isMetadata = internalMetadata.some(([network, bits]) => parsed.match(ipaddr.IPv6.parse(network), bits));
  return parsed.range() === 'uniqueLocal' && !isMetadata;
}

/** How the addresses of a host are judged. */
export interface AddressRules {
  /** How names are looked up; as the system does unless told. */
  resolve?: Resolve | undefined;
  /** The host is named in the reviewed configuration, so it may be inside the organization's own network. */
  internal?: boolean;
}

/**
 * The addresses of a host, looked up once: these are the ones to connect to, since a second look could find others.
 * One that is not permitted refuses them all, else chance would choose. Throws `url_refused`, or what the lookup throws.
 */
export async function permittedAddresses(
  host: string,
  { resolve = resolveBySystem, internal = false }: AddressRules = {},
): Promise<LookupAddress[]> {
  const family = isIP(host);
  const found = family === 0 ? await resolve(host) : [{ address: host, family }];
  if (found.length === 0) throw Object.assign(new Error('the name has no address'), { code: 'ENOTFOUND' });
  const refused = found.find(({ address }) => !isPublicAddress(address) && !(internal && isInternalAddress(address)));
  if (refused === undefined) return found;
  const leads = refused.address === host ? '' : ` leads to ${quote(refused.address)}, which`;
  throw new AppError('url_refused', `${quote(host)}${leads} is not a public address`, {
    hint: 'nothing was sent there; only hosts that the configuration names may be in a network of their own',
  });
}

function resolveBySystem(host: string): Promise<LookupAddress[]> {
  return lookup(host, { all: true });
}
