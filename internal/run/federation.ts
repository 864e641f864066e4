/** What the environment of a run says of workload identity federation, and where the identity token of a job comes from. */

import { AppError } from '../errors/app-error.ts';
import { askActions, readTokenFile } from '../identity/workload-source.ts';
import { guardedFetch } from '../outside/http.ts';
import type { Federation } from '../platform/exchange.ts';
import { Secret } from '../secret/secret.ts';
import { quote } from '../text/quote.ts';
import { isUrl } from '../text/url.ts';
import { tokenPlaces } from './job-token.ts';
import type { Ports } from './ports.ts';
import { proxiesOf } from './way-out.ts';

/**
 * The audience of a token that GitHub is asked for: the one that the platform's guide to GitHub Actions asks for, and that
 * a rule expects which names none.
 */
const platformAudience = 'https://api.anthropic.com';

const required = ['ANTHROPIC_FEDERATION_RULE_ID', 'ANTHROPIC_ORGANIZATION_ID', 'ANTHROPIC_SERVICE_ACCOUNT_ID'] as const;

/** The federation that the variables of the SDK describe. Throws `platform_key_missing`, naming each one that is missing. */
export function federationFrom({ environment, tell }: Pick<Ports, 'environment' | 'tell'>): Federation {
  const [ruleId, organizationId, serviceAccountId] = required.map((name) => environment[name]);
  const source = identityTokenSource({ environment, tell });
  if (ruleId === undefined || organizationId === undefined || serviceAccountId === undefined || source === undefined) {
    const token = 'ANTHROPIC_IDENTITY_TOKEN_FILE or ANTHROPIC_IDENTITY_TOKEN';
    const missing = required.filter((name) => environment[name] === undefined);
    const names = [...missing, ...(source === undefined ? [token] : [])];
    const inActions = 'in GitHub Actions, "permissions: id-token: write" is enough in place of an identity token';
    throw new AppError('platform_key_missing', `workload identity federation needs ${names.join(', ')} as well`, {
      hint: source === undefined ? inActions : 'set what is missing, or ANTHROPIC_API_KEY to a key of the workspace',
    });
  }
  return {
    ruleId,
    organizationId,
    serviceAccountId,
    workspaceId: environment.ANTHROPIC_WORKSPACE_ID,
    identityToken: source,
  };
}

/** Where the identity token comes from, in the order of the SDK: file, variable, and then the runner of GitHub Actions. */
function identityTokenSource({
  environment,
  tell,
}: Pick<Ports, 'environment' | 'tell'>): Federation['identityToken'] | undefined {
  const { ANTHROPIC_IDENTITY_TOKEN_FILE: file, ANTHROPIC_IDENTITY_TOKEN: text } = environment;
  if (file !== undefined) return async () => await fromFile(file);
  if (text !== undefined) {
    const token = new Secret(text.trim());
    return async () => token.reveal();
  }
  const { actions } = tokenPlaces(environment);
  if (actions === undefined) return undefined;
  return async (signal) => {
    tell.detail(`asking GitHub Actions for an identity token with the audience ${quote(platformAudience)}`);
    const allowLoopbackHttp = environment.MAI_ALLOW_LOOPBACK_HTTP === '1';
    if (allowLoopbackHttp && actions.url.startsWith('http:')) {
      tell.warn('MAI_ALLOW_LOOPBACK_HTTP is set: GitHub Actions is asked on loopback over http, for tests only');
    }
    const proxies = proxiesOf({ environment, tell });
    // The runner names its own address, which on a server of the organization may be in the organization's network.
    const reviewedHosts = new Set(isUrl(actions.url) ? [new URL(actions.url).hostname] : []);
    return await askActions(
      actions,
      platformAudience,
      guardedFetch({ allowLoopbackHttp, reviewedHosts, proxies, signal }),
    );
  };
}

async function fromFile(path: string): Promise<string> {
  const text = await readTokenFile(path);
  if (text !== undefined) return text;
  throw new AppError('identity_refused', `there is no identity token of this job: ${quote(path)} does not exist`, {
    hint: 'let the job have one there, or correct ANTHROPIC_IDENTITY_TOKEN_FILE',
  });
}
