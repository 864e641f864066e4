/** What the environment of a run holds that somebody can prove themselves with. */
import type { HandedToken } from '../identity/proof.ts';
import type { TokenPlaces } from '../identity/workload-source.ts';
import { Secret } from '../secret/secret.ts';
import type { Environment } from './environment.ts';

/** The places of tokens in an environment; whether one of them counts, the configuration decides. */
export function tokenPlaces(environment: Environment): TokenPlaces {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer } = environment;
  const variables = new Map<string, Secret>();
  for (const [name, value] of Object.entries(environment)) {
    if (/^MAI_ID_TOKEN(_|$)/.test(name) && value !== undefined) variables.set(name, new Secret(value));
  }
  const actions = url === undefined || bearer === undefined ? undefined : { url, bearer: new Secret(bearer) };
  return { actions, variables };
}

/** The token of the person that a client hands to the programs that it starts; undefined where none does. */
export function handedToken(environment: Environment): HandedToken | undefined {
  const { CLAUDE_CODE_MCP_USER_TOKEN: token, CLAUDE_CODE_MCP_USER_TOKEN_ISSUER: issuer } = environment;
  return token === undefined ? undefined : { token: new Secret(token), issuer, called: 'CLAUDE_CODE_MCP_USER_TOKEN' };
}
