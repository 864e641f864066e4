/** Why nobody answered, in words, and what to do about it; the same for every door to the network. */
import { ProxyFailure } from './proxies.ts';

/** Why, and what next. */
export interface Unreached {
  reason: string;
  /** Undefined where nothing better is known than to look at the network. */
  hint: string | undefined;
}

/** What OpenSSL says of a certificate that nobody known has signed: a proxy that looks into connections makes such. */
const ofUnknownAuthority =
  /^(?:SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_(?:GET_ISSUER_CERT(?:_LOCALLY)?|VERIFY_LEAF_SIGNATURE))$/;

const authorityHint =
  'where your organization signs for others, such as a proxy that looks into connections, trust its authority: NODE_EXTRA_CA_CERTS=<file>';

/** Looks through the causes of an error of ours or of a library's; undefined where none says why. */
export function whyUnreached(error: unknown): Unreached | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (current instanceof ProxyFailure) return { reason: current.message, hint: current.hint };
    if ('code' in current && typeof current.code === 'string') {
      return { reason: current.code, hint: ofUnknownAuthority.test(current.code) ? authorityHint : undefined };
    }
  }
  return undefined;
}

/** Whether a connection failed before a byte of the request left this machine. */
export function isNeverSent(error: unknown): boolean {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (!('code' in current)) continue;
    const code = String(current.code);
    if (neverSentCodes.includes(code) || ofUnknownAuthority.test(code)) return true;
  }
  return false;
}

const neverSentCodes = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EPROXY'];
