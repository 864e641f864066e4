import type { BetaManagedAgentsRefreshHTTPResponse } from '@anthropic-ai/sdk/resources/beta/vaults/credentials';
import type { Secrets } from './credential-auth.ts';

const bodyLimit = 2000;

/** Keeps an HTTP answer for a report. Documented: secrets are scrubbed from the body, and it may be cut. */
export async function captureResponse(
  response: Response,
  secrets: Secrets,
): Promise<BetaManagedAgentsRefreshHTTPResponse> {
  let body = await response.text().catch(() => '');
  for (const secret of Object.values(secrets)) body = body.replaceAll(secret, '[scrubbed]');
  return {
    status_code: response.status,
    content_type: response.headers.get('content-type') ?? '',
    body: body.slice(0, bodyLimit),
    body_truncated: body.length > bodyLimit,
  };
}
