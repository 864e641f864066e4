/** Proof that whoever shows a token has the key that it was made for (RFC 9449). */
import {
  calculateJwkThumbprint,
  EmbeddedJWK,
  errors,
  exportJWK,
  generateKeyPair,
  type JWK,
  jwtVerify,
  SignJWT,
} from 'jose';
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { sha256 } from '../text/canonical.ts';

const type = 'dpop+jwt';
const algorithm = 'ES256';
/** How far clocks may be apart, and how old a proof may be, in seconds. */
const window = 60;
/** How long a proof is remembered. Twice the window: one that is dated ahead is good for longer. */
export const rememberedMs = 2 * window * 1000;
/** More proofs than one replica sees in twice that time; beyond it nobody can say what was shown before. */
const mostRemembered = 200_000;
/** RFC 9449 section 4.2: enough that no two are equal. */
const longestId = 128;

/** What a request is proven with. */
export interface ProofKey {
  /** The header of one request; `token` is what it shows beside. */
  proofFor(method: string, url: string, token?: string): Promise<string>;
}

/** A key that lives as long as this process. */
export async function newProofKey(): Promise<ProofKey> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm);
  const jwk = await exportJWK(publicKey);
  return {
    async proofFor(method, url, token) {
      const claims = { htm: method, htu: url, ...(token !== undefined && { ath: sha256(token, 'base64url') }) };
      return await new SignJWT(claims)
        .setProtectedHeader({ typ: type, alg: algorithm, jwk })
        .setJti(globalThis.crypto.randomUUID())
        .setIssuedAt(clock.now())
        .sign(privateKey);
    },
  };
}

/** Proofs that were shown, so that none counts twice. */
export interface SeenProofs {
  /** Whether this one is new; from now on it is not. */
  isNew(id: string, now: Date): Promise<boolean>;
}

/** The proofs of one replica. */
export function seenProofs(most: number = mostRemembered): SeenProofs {
  const until = new Map<string, number>();
  return {
    async isNew(id, now) {
      const time = now.getTime();
      for (const [old, end] of until) {
        if (end > time) break;
        until.delete(old);
      }
      if (until.has(id) || until.size >= most) return false;
      until.set(id, time + rememberedMs);
      return true;
    },
  };
}

/** What a proof has to be of. */
export interface ExpectedProof {
  method: string;
  url: string;
  /** What is shown beside it. */
  token: string | undefined;
}

/** A good proof: the thumbprint of its key (RFC 7638), and its id. */
export interface JudgedProof {
  thumbprint: string;
  id: string;
}

function refuse(why: string, cause?: unknown): AppError {
  return new AppError('identity_refused', `the proof of the key (DPoP) is refused: ${why}`, {
    hint: 'run the command again; if it stays, look at the clocks of both machines',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** What a proof is remembered by. */
export function idOfProof({ thumbprint, id }: JudgedProof): string {
  return `${thumbprint} ${id}`;
}

/** Throws `identity_refused` for a proof that was shown before; from now on this one was. */
export async function requireNew(seen: SeenProofs, proof: JudgedProof): Promise<void> {
  if (!(await seen.isNew(idOfProof(proof), clock.now()))) throw shownBefore();
}

/** A proof that counted once already. */
export function shownBefore(): AppError {
  return refuse('it was shown before (jti)');
}

/** Judges a proof by all but whether it was shown before. Throws `identity_refused`. */
export async function judgeProof(
  header: string | undefined,
  { method, url, token }: ExpectedProof,
): Promise<JudgedProof> {
  if (header === undefined || header.includes(',')) throw refuse('there has to be exactly one');
  const now = clock.now();
  const { payload, protectedHeader } = await jwtVerify(header, EmbeddedJWK, {
    typ: type,
    algorithms: [algorithm],
    requiredClaims: ['jti', 'iat', 'htm', 'htu'],
    clockTolerance: window,
    currentDate: now,
  }).catch((error: unknown) => {
    throw error instanceof errors.JOSEError || error instanceof TypeError ? refuse('it is none', error) : error;
  });
  const { jti, iat = 0, htm, htu, ath } = payload;
  if (typeof jti !== 'string' || jti === '' || jti.length > longestId) throw refuse('it has no id (jti)');
  if (Math.abs(now.getTime() / 1000 - iat) > window) throw refuse('it is not of now (iat)');
  if (htm !== method || htu !== url) throw refuse('it is for another request (htm, htu)');
  if (token !== undefined && ath !== sha256(token, 'base64url')) throw refuse('it is for another token (ath)');
  return { thumbprint: await calculateJwkThumbprint(protectedHeader.jwk as JWK), id: jti };
}
