import { canonicalJson, sha256 } from '../text/canonical.ts';
import type { Configuration } from './definitions.ts';

/** What a configuration says, as a digest: of two with equal values it is the same, wherever they lie. */
export function configurationDigest({
  interface: settings,
  services,
  agents,
  environments,
  rules,
}: Configuration): string {
  return sha256(canonicalJson([1, settings, ...[services, agents, environments, rules].map(Object.fromEntries)]));
}
