/** Judges the answers to an exchange that brought no token. What they repeat of our secrets is not shown (P3). */
import { AppError } from '../errors/app-error.ts';
import { whyUnreached } from '../outside/unreached.ts';
import { quote } from '../text/quote.ts';

/** What the platform answered to an exchange. */
export interface ExchangeAnswer {
  status: number;
  headers: Headers;
  text: string;
}

/** What a refusal names. */
interface RefusedFederation {
  ruleId: string;
  workspaceId: string | undefined;
}

/** What is done, for messages. */
export const exchangeAct = 'exchange the identity token of this job for one of the platform';

/** Nobody answered, or not in time. */
export function unreachable(cause: Error): AppError {
  const why = cause.name === 'TimeoutError' ? 'the platform did not answer in time' : 'the platform cannot be reached';
  return new AppError('platform_unreachable', `could not ${exchangeAct}: ${why}`, {
    hint: whyUnreached(cause)?.hint ?? 'check the network and ANTHROPIC_BASE_URL',
    cause,
  });
}

/** The platform's no in words. Its own reasons are for the Console only, lest anybody guess at rules. */
export function refusal({ status, headers, text }: ExchangeAnswer, federation: RefusedFederation): AppError {
  const { said, requestId } = explained(text);
  const request = headers.get('request-id') ?? requestId;
  const answered = status < 300 ? 'without a usable token' : `${status}${said === undefined ? '' : ` ${quote(said)}`}`;
  return new AppError(
    'platform_refused',
    `could not ${exchangeAct} (rule ${quote(federation.ruleId)}): the platform answered ${answered}${
      request === undefined ? '' : ` (request ${quote(request)})`
    }`,
    { hint: hintFor(status, said ?? '', federation) },
  );
}

function hintFor(status: number, said: string, { workspaceId }: RefusedFederation): string {
  if (said.includes('workspace_id_required')) {
    return 'the rule is good for several workspaces: set ANTHROPIC_WORKSPACE_ID, or platform.workspace_id in config/interface.yaml';
  }
  if (status === 429) return 'the rate limit of the organization is used up: try again later';
  if (status >= 500 || status < 300)
    return 'run the command again; if it stays, tell the support of the platform the request';
  if (status === 400 && !said.includes('invalid_grant')) {
    return 'check ANTHROPIC_FEDERATION_RULE_ID, ANTHROPIC_ORGANIZATION_ID, ANTHROPIC_SERVICE_ACCOUNT_ID and ANTHROPIC_WORKSPACE_ID';
  }
  const workspace = workspaceId === undefined ? '' : `, that it is good in the workspace ${quote(workspaceId)}`;
  return (
    'the Console lists the attempt and the reason (Settings, Workload identity, History): check that the rule fits issuer, ' +
    `audience, subject and claims of the token${workspace}, and that this token was not exchanged before`
  );
}

/** The message of an API error, or the two words of an OAuth error (RFC 6749 section 5.2). */
function explained(text: string): { said: string | undefined; requestId: string | undefined } {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return { said: undefined, requestId: undefined };
  }
  const { error, error_description: description, request_id: request } = fieldsOf(body);
  const { message } = fieldsOf(error);
  const words = [message, error, description].filter((word) => typeof word === 'string');
  return {
    said: words.length === 0 ? undefined : words.join(': '),
    requestId: typeof request === 'string' ? request : undefined,
  };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
