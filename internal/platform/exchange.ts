/** The exchange of a job's identity token for one of the platform (RFC 7523), in the words of the SDK. */
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { Response } from '../outside/fetch-types.ts';
import { sendPlainly } from '../outside/plain-fetch.ts';
import type { Proxies } from '../outside/proxies.ts';
import type { Answer } from '../outside/send.ts';
import { conceal } from '../secret/secret.ts';
import { type ExchangeAnswer, exchangeAct, refusal, unreachable } from './exchange-refusal.ts';

/** What a job shows, and which rule of the organization is to judge it. */
export interface Federation {
  ruleId: string;
  organizationId: string;
  serviceAccountId: string;
  /** The workspace of the token; undefined leaves it to the rule, which then has to name exactly one. */
  workspaceId: string | undefined;
  /** A JWT that says which job this is, asked for or read anew at each call: they last for minutes. */
  identityToken(signal: AbortSignal): Promise<string>;
}

/** What an exchange needs beside the job's own words. */
export interface ExchangeSettings {
  federation: Federation;
  baseUrl: string | undefined;
  /** How the network is left, where that is not directly. */
  proxies?: Proxies | undefined;
  /** How long one exchange may take, its body included; 15 s unless told. */
  timeoutMs?: number;
  /** Waits as a 429 asks; false where it would take too long, or was interrupted. */
  waitAsAsked(headers: Headers, what: string, signal: AbortSignal): Promise<boolean>;
}

/** A token of the platform, and when it expires, in milliseconds since the epoch. */
export interface ExchangedToken {
  token: string;
  expiresAt: number;
}

const defaultBaseUrl = 'https://api.anthropic.com';
const defaultTimeoutMs = 15_000;
const exchangeAttempts = 3;
/** The platform takes no longer one. */
const longestIdentityTokenBytes = 16 * 1024;
const longestAnswerBytes = 64 * 1024;

/**
 * Exchanges the identity token of a job: up to three times when the network or the platform stumbles, each time with a token
 * that was asked for or read anew. A 429 is waited for. Throws as {@link federatedToken} says.
 */
export async function exchangeToken(settings: ExchangeSettings, signal: AbortSignal): Promise<ExchangedToken> {
  const { federation } = settings;
  for (let attempt = 1; ; attempt += 1) {
    const identityToken = await federation.identityToken(signal);
    const answer = await send(settings, judgedIdentityToken(identityToken), signal);
    if ('token' in answer) return answer;
    const again = attempt < exchangeAttempts && !signal.aborted && (await waited(answer, attempt));
    if (signal.aborted) throw new AppError('interrupted', `interrupted: ${exchangeAct}`);
    if (!again) throw answer instanceof Error ? unreachable(answer) : refusal(answer, federation);
  }

  /** Waits before the same exchange; false where the answer would stay what it is. */
  async function waited(answer: ExchangeAnswer | Error, attempt: number): Promise<boolean> {
    if (!(answer instanceof Error) && answer.status === 429) {
      return await settings.waitAsAsked(answer.headers, exchangeAct, signal);
    }
    if (!(answer instanceof Error) && answer.status < 500) return false;
    await clock.pause(250 * attempt, signal);
    return true;
  }
}

/** Sends one exchange. What came back if it was no token: the platform's answer, or why there is none. */
async function send(
  { federation, baseUrl = defaultBaseUrl, proxies, timeoutMs = defaultTimeoutMs }: ExchangeSettings,
  identityToken: string,
  signal: AbortSignal,
): Promise<ExchangedToken | ExchangeAnswer | Error> {
  const { oidcFederationProvider } = await import('./sdk.ts');
  let answer: ExchangeAnswer | undefined;
  let failure: unknown;
  const exchangeOnce = oidcFederationProvider({
    identityTokenProvider: () => identityToken,
    federationRuleId: federation.ruleId,
    organizationId: federation.organizationId,
    serviceAccountId: federation.serviceAccountId,
    workspaceId: federation.workspaceId,
    baseURL: baseUrl.replace(/\/+$/, ''),
    // The SDK keeps of a failure only its text, and reads an answer without bound or time limit.
    async fetch(input, init) {
      try {
        const limit = AbortSignal.any([signal, clock.deadline(timeoutMs)]);
        const { status, headers, pieces } = await sendPlainly(input, { ...init, signal: limit }, proxies);
        answer = { status, headers, text: await shortText(pieces) };
        return new Response(answer.text === '' ? null : answer.text, { status, headers });
      } catch (cause) {
        failure = cause;
        throw cause;
      }
    },
  });
  try {
    const { token, expiresAt } = await exchangeOnce();
    // It becomes a header, and is nothing that could be anything else.
    if (typeof token === 'string' && /^[\x21-\x7e]+$/.test(token) && expiresAt !== null) {
      conceal(token);
      return { token, expiresAt: expiresAt * 1000 };
    }
    failure = new Error('no usable token');
  } catch (error) {
    failure ??= error;
  }
  return answer ?? (failure instanceof Error ? failure : new Error('no answer', { cause: failure }));
}

async function shortText(body: Answer['pieces']): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body ?? []) {
    bytes += piece.byteLength;
    if (bytes > longestAnswerBytes) throw new Error('the answer is longer than any that holds a token');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** The identity token without the white space around it. What is no JWT is no proof, and may be another secret: it is not sent. */
function judgedIdentityToken(text: string): string {
  const token = text.trim();
  conceal(token);
  // A platform that explains itself may show it in parts; only with its signature is it of use to anybody.
  conceal(token.slice(token.lastIndexOf('.') + 1));
  const why =
    Buffer.byteLength(token) > longestIdentityTokenBytes
      ? `it is longer than ${longestIdentityTokenBytes / 1024} KiB`
      : 'it is not a signed JWT';
  if (Buffer.byteLength(token) <= longestIdentityTokenBytes && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return token;
  throw new AppError('identity_refused', `could not ${exchangeAct}: ${why}`, {
    hint: 'see where ANTHROPIC_IDENTITY_TOKEN_FILE or ANTHROPIC_IDENTITY_TOKEN comes from; nothing was sent',
  });
}
