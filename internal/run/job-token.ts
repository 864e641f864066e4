/** What the environment of a run holds that a CI job can prove itself with. */
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
