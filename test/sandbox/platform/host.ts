import { z } from 'zod';

const label = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';
const hostPattern = new RegExp(`^(\\*\\.)?${label}(\\.${label})*$`, 'i');

/**
 * Documented: a bare hostname, an IPv4 address or a `*.` wildcard; no URL, port, path or IPv6 address.
 */
export const hostSchema = z
  .string()
  .max(253)
  .regex(hostPattern, 'expected a bare hostname, IPv4 address or *. wildcard');

/** Documented: `*.example.com` stands for every subdomain of example.com, not for example.com itself. */
export function hostAllowed(host: string, allowed: readonly string[]): boolean {
  return allowed.some((entry) =>
    entry.startsWith('*.')
      ? host.toLowerCase().endsWith(entry.slice(1).toLowerCase())
      : host.toLowerCase() === entry.toLowerCase(),
  );
}
