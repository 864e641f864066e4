import type { JWTPayload } from 'jose';
import { newId } from './identifier.ts';

/** What an assertion has to be. Every part that is given has to fit; there is no CEL here (choices.notEmulated). */
interface RuleMatch {
  /** Documented: the whole subject, or its beginning where it ends in `*`. */
  readonly subject_prefix?: string;
  readonly claims?: Readonly<Record<string, string>>;
  /** Documented: without it the audience has to be the platform's own. */
  readonly audience?: string;
}

/** How a rule is made; every part but the issuer and what it matches has a default. */
export interface RuleOptions {
  readonly issuer: string;
  readonly match: RuleMatch;
  readonly oauthScope?: 'workspace:developer' | 'workspace:inference';
  readonly tokenLifetimeSeconds?: number;
  /** The default workspace unless told. */
  readonly workspaceIds?: readonly string[];
  /** Documented: an assertion with a `jti` is taken once, unless the issuer says otherwise. */
  readonly checkJti?: boolean;
}

/** Who may have a token of the platform, and what it is good for. */
export interface FederationRule extends Required<RuleOptions> {
  readonly id: string;
  readonly serviceAccountId: string;
  /** The variables of the SDK that name it, the workspace included where there is one only. */
  readonly environment: Readonly<Record<string, string>>;
}

/** The audience that the platform's guides ask for. */
export const platformAudience = 'https://api.anthropic.com';

/** Makes a rule. Throws where the Console would refuse one: it would let in everybody whom the issuer knows. */
export function newRule(options: RuleOptions, organizationId: string, defaultWorkspaceId: string): FederationRule {
  const { subject_prefix: subject, claims } = options.match;
  const { tokenLifetimeSeconds = 3600, workspaceIds = [defaultWorkspaceId] } = options;
  if ((subject === undefined || subject === '*') && Object.keys(claims ?? {}).length === 0) {
    throw new RangeError('match: subject_prefix or claims is required; audience alone is not sufficient');
  }
  if (!(tokenLifetimeSeconds >= 60 && tokenLifetimeSeconds <= 86_400)) {
    throw new RangeError('token_lifetime_seconds: must be between 60 and 86400');
  }
  const id = newId('fdrl');
  const serviceAccountId = newId('svac');
  const [workspaceId, ...others] = workspaceIds;
  return {
    oauthScope: 'workspace:developer',
    checkJti: true,
    ...options,
    id,
    serviceAccountId,
    tokenLifetimeSeconds,
    workspaceIds,
    environment: {
      ANTHROPIC_FEDERATION_RULE_ID: id,
      ANTHROPIC_ORGANIZATION_ID: organizationId,
      ANTHROPIC_SERVICE_ACCOUNT_ID: serviceAccountId,
      ...(workspaceId === undefined || others.length > 0 ? {} : { ANTHROPIC_WORKSPACE_ID: workspaceId }),
    },
  };
}

/** Whether the claims of a verified assertion are those that a rule is for. */
export function matchesRule({ match }: FederationRule, claims: JWTPayload): boolean {
  const { subject_prefix: subject, audience = platformAudience } = match;
  const { sub = '', aud } = claims;
  if (![aud].flat().includes(audience)) return false;
  const fits = subject?.endsWith('*') ? sub.startsWith(subject.slice(0, -1)) : sub === (subject ?? sub);
  return fits && Object.entries(match.claims ?? {}).every(([name, value]) => claims[name] === value);
}
