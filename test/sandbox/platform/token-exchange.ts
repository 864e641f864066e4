import type { IncomingHttpHeaders } from 'node:http';
import { createLocalJWKSet, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { betasOf } from './admission.ts';
import { ApiError, chosenError, invalidRequest } from './api-error.ts';
import { choices } from './choices.ts';
import { type FederationRule, matchesRule, newRule, type RuleOptions } from './federation-rule.ts';
import { newId } from './identifier.ts';
import { parse } from './schema.ts';
import type { Workspace } from './workspace.ts';

/** Documented: the two values that an exchange carries. */
const exchangeBetas = ['oauth-2025-04-20', 'oidc-federation-2026-04-01'];
const longestAssertionBytes = 16 * 1024;
/** Documented: the default of an issuer, from `iat` to `exp`. */
const longestAssertionLifetimeSeconds = 3600;
const leewaySeconds = 30;
/** Documented: asymmetric ones only. */
const algorithms = ['RS', 'PS', 'ES'].flatMap((family) => [256, 384, 512].map((bits) => `${family}${bits}`));

const request = z.strictObject({
  grant_type: z.literal('urn:ietf:params:oauth:grant-type:jwt-bearer'),
  assertion: z
    .string()
    .min(1)
    .refine((text) => Buffer.byteLength(text) <= longestAssertionBytes, 'longer than 16 KiB'),
  federation_rule_id: z.string().regex(/^fdrl_\w+$/, 'is not a well-formed fdrl_ tagged ID'),
  organization_id: z.uuid(),
  // Required here: choices.serviceAccountId.
  service_account_id: z.string(),
  workspace_id: z.string().optional(),
});

/** A token that was given away. */
interface IssuedToken {
  readonly workspace: Workspace;
  readonly scope: string;
  readonly expiresAt: number;
}

/** Where CI jobs exchange what their own platform has signed for tokens of this one. */
export class TokenExchange {
  readonly #organizationId: string;
  readonly #clock: Clock;
  readonly #workspaces: ReadonlyMap<string, Workspace>;
  readonly #defaultWorkspace: Workspace;
  readonly #rules = new Map<string, FederationRule>();
  readonly #tokens = new Map<string, IssuedToken>();
  readonly #spent = new Set<string>();

  constructor(parts: {
    organizationId: string;
    clock: Clock;
    workspaces: ReadonlyMap<string, Workspace>;
    main: Workspace;
  }) {
    this.#organizationId = parts.organizationId;
    this.#clock = parts.clock;
    this.#workspaces = parts.workspaces;
    this.#defaultWorkspace = parts.main;
  }

  /** Adds a rule, as somebody does in the Console. */
  addRule(options: RuleOptions): FederationRule {
    const rule = newRule(options, this.#organizationId, this.#defaultWorkspace.id);
    this.#rules.set(rule.id, rule);
    return rule;
  }

  /** Every token so far. */
  issuedSecrets(): readonly string[] {
    return [...this.#tokens.keys()];
  }

  /** Takes every token back, expired or not, as archiving the service account does. */
  revokeAll(): void {
    for (const [token, issued] of this.#tokens) this.#tokens.set(token, { ...issued, expiresAt: 0 });
  }

  /** Answers `POST /v1/oauth/token`. */
  async exchange(headers: IncomingHttpHeaders, body: unknown): Promise<object> {
    if (exchangeBetas.some((beta) => !betasOf(headers).includes(beta))) {
      throw chosenError(choices.exchangeBeta, `anthropic-beta: ${exchangeBetas.join(',')} is required`);
    }
    const asked = parse(request, body);
    const rule = this.#rules.get(asked.federation_rule_id);
    if (
      rule === undefined ||
      asked.organization_id !== this.#organizationId ||
      asked.service_account_id !== rule.serviceAccountId
    ) {
      throw refused();
    }
    const claims = await this.#verified(asked.assertion, rule.issuer);
    if (claims === undefined || !matchesRule(rule, claims)) throw refused();
    const workspace = this.#workspaceOf(rule, asked.workspace_id);
    this.#spend(rule, claims);

    const left = (claims.exp ?? 0) - this.#clock.now() / 1000;
    // Documented: max(60, min(the rule's, twice what the assertion has left)).
    const expiresIn = Math.floor(Math.max(60, Math.min(rule.tokenLifetimeSeconds, 2 * left)));
    const token = newId('sk-ant-oat01-sandbox');
    this.#tokens.set(token, { workspace, scope: rule.oauthScope, expiresAt: this.#clock.now() + expiresIn * 1000 });
    return { access_token: token, token_type: 'Bearer', expires_in: expiresIn, scope: rule.oauthScope };
  }

  /** The workspace of a token that was given away here; undefined for any other text. */
  workspaceOfToken(token: string, headers: IncomingHttpHeaders): Workspace | undefined {
    const issued = this.#tokens.get(token);
    if (issued === undefined) return undefined;
    if (issued.expiresAt <= this.#clock.now()) throw new ApiError(401, 'the access token has expired');
    if (!betasOf(headers).includes('oauth-2025-04-20')) {
      throw chosenError(choices.oauthBeta, 'anthropic-beta: oauth-2025-04-20 is required with an access token');
    }
    // Documented: nothing of what is emulated here is open to the other scopes.
    if (issued.scope !== 'workspace:developer') throw new ApiError(403, `not open to the scope ${issued.scope}`);
    return issued.workspace;
  }

  async #verified(assertion: string, issuer: string): Promise<JWTPayload | undefined> {
    const seconds = this.#clock.now() / 1000;
    try {
      const { payload, protectedHeader } = await jwtVerify(assertion, createLocalJWKSet(await keysOf(issuer)), {
        issuer,
        algorithms,
        clockTolerance: leewaySeconds,
        currentDate: new Date(this.#clock.now()),
        requiredClaims: ['sub', 'iat', 'exp'],
      });
      const { iat = 0, exp = 0 } = payload;
      const good =
        protectedHeader.kid !== undefined &&
        iat <= seconds + leewaySeconds &&
        exp - iat <= longestAssertionLifetimeSeconds;
      return good ? payload : undefined;
    } catch {
      // Documented: whatever the reason, it is not told.
      return undefined;
    }
  }

  #workspaceOf({ workspaceIds }: FederationRule, asked: string | undefined): Workspace {
    const [only, ...others] = workspaceIds;
    if (asked === undefined && others.length > 0) {
      throw invalidRequest('workspace_id_required: the rule is enabled for more than one workspace');
    }
    const id = asked === 'default' ? this.#defaultWorkspace.id : (asked ?? only ?? '');
    const workspace = this.#workspaces.get(id);
    if (workspace === undefined || !workspaceIds.includes(id)) throw refused();
    return workspace;
  }

  #spend({ checkJti, issuer }: FederationRule, { jti }: JWTPayload): void {
    if (!checkJti || jti === undefined) return;
    const name = JSON.stringify([issuer, jti]);
    if (this.#spent.has(name)) throw refused();
    this.#spent.add(name);
  }
}

function refused(): ApiError {
  return chosenError(choices.refusedExchange, 'Authentication failed');
}

async function keysOf(issuer: string): Promise<JSONWebKeySet> {
  const read = async (address: string): Promise<unknown> => await (await fetch(address)).json();
  const { jwks_uri: keys } = (await read(`${issuer}/.well-known/openid-configuration`)) as { jwks_uri: string };
  return (await read(keys)) as JSONWebKeySet;
}
