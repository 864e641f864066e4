import Anthropic, { APIError } from '@anthropic-ai/sdk';
import type { PlatformSandbox } from './start.ts';

/** The official client. */
export type OfficialClient = Anthropic;

/** Makes the official client, unmodified, talk to a platform. Without retries, so that tests see every answer. */
export function sdkClient({ baseUrl, apiKey }: Pick<PlatformSandbox, 'baseUrl' | 'apiKey'>): Anthropic {
  return new Anthropic({ baseURL: baseUrl, apiKey, maxRetries: 0 });
}

/** What a refused request came back with. */
export interface Refusal {
  status: number | undefined;
  type: string | null | undefined;
  message: string;
  code: string | undefined;
}

/** Waits for a request to be refused and reads the error body; fails if it was not. */
export async function refusal(request: PromiseLike<unknown>): Promise<Refusal> {
  try {
    await request;
  } catch (error) {
    if (!(error instanceof APIError)) throw error;
    const body = error.error as { error?: { type?: string; message?: string; details?: { error_code?: string } } };
    return {
      status: error.status,
      type: body.error?.type,
      message: body.error?.message ?? '',
      code: body.error?.details?.error_code,
    };
  }
  throw new Error('the request was not refused');
}
