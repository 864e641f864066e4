import type {
  BetaCloudConfig,
  BetaEnvironment,
  BetaPackages,
} from '@anthropic-ai/sdk/resources/beta/environments/environments';
import { z } from 'zod';
import { chosenError, invalidRequest } from './api-error.ts';
import { choices } from './choices.ts';
import { hostSchema } from './host.ts';
import { text } from './schema.ts';

const packageList = z.array(text(1, 256)).nullish();

// choices.networkShape: the strict objects refuse an allow_ field beside unrestricted, the host schema refuses URLs.
const networking = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('unrestricted') }),
    z.strictObject({
      type: z.literal('limited'),
      allowed_hosts: z.array(hostSchema).nullish(),
      allow_mcp_servers: z.boolean().nullish(),
      allow_package_managers: z.boolean().nullish(),
    }),
  ])
  .nullish();

/** `config` in a request. */
export const configSchema = z
  .discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('cloud'),
      networking,
      packages: z
        .strictObject({
          type: z.literal('packages').optional(),
          apt: packageList,
          cargo: packageList,
          gem: packageList,
          go: packageList,
          npm: packageList,
          pip: packageList,
        })
        .nullish(),
    }),
    z.strictObject({ type: z.literal('self_hosted') }),
  ])
  .nullish();

/** Fills in defaults, or what is stored. Documented danger: networking is unrestricted unless said otherwise. */
export function resolvedConfig(
  given: z.output<typeof configSchema>,
  stored: BetaEnvironment['config'] | undefined,
): BetaEnvironment['config'] {
  const type = given?.type ?? 'cloud';
  if (stored !== undefined && stored.type !== type) {
    throw invalidRequest(`config.type: ${stored.type} cannot change`, 'invalid_config_type_change');
  }
  if (given?.type === 'self_hosted') return { type: 'self_hosted' };
  const previous = stored?.type === 'cloud' ? stored : undefined;
  const resolved: BetaCloudConfig = {
    type: 'cloud',
    networking: resolvedNetworking(given?.networking, previous?.networking),
    packages: resolvedPackages(given?.packages, previous?.packages),
  };
  checkPackages(resolved);
  return resolved;
}

function resolvedNetworking(
  given: z.output<typeof networking>,
  stored: BetaCloudConfig['networking'] | undefined,
): BetaCloudConfig['networking'] {
  if (given == null) return stored ?? { type: 'unrestricted' };
  if (given.type === 'unrestricted') return { type: 'unrestricted' };
  const previous = stored?.type === 'limited' ? stored : undefined;
  return {
    type: 'limited',
    allowed_hosts: given.allowed_hosts ?? previous?.allowed_hosts ?? [],
    allow_mcp_servers: given.allow_mcp_servers ?? previous?.allow_mcp_servers ?? false,
    allow_package_managers: given.allow_package_managers ?? previous?.allow_package_managers ?? false,
  };
}

const managers = ['apt', 'cargo', 'gem', 'go', 'npm', 'pip'] as const;

/** Documented: answers carry the object even if it was never given. */
function resolvedPackages(
  given: { [manager in (typeof managers)[number]]?: string[] | null | undefined } | null | undefined,
  stored: BetaPackages | undefined,
): BetaPackages {
  const lists = managers.map((manager) => [manager, given?.[manager] ?? stored?.[manager] ?? []] as const);
  return { type: 'packages', ...(Object.fromEntries(lists) as Record<(typeof managers)[number], string[]>) };
}

/** Documented: under limited networking packages need allow_package_managers (choices.networkShape for the status). */
function checkPackages({ networking, packages }: BetaCloudConfig): void {
  const wanted = managers.some((manager) => packages[manager].length > 0);
  if (wanted && networking.type === 'limited' && !networking.allow_package_managers) {
    throw chosenError(choices.networkShape, 'config.packages: limited networking needs allow_package_managers');
  }
}
