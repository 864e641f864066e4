import { createHmac, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { SignJWT } from 'jose';
import type { JsonObject } from './authorization/control.ts';
import { listenOnLoopback } from './listener.ts';

/**
 * What signs tokens for CI jobs: discovery, keys, and the address at which the runner of GitHub Actions gives tokens to
 * its job. It signs nobody in, as the real ones do not.
 */
export interface WorkloadIssuer {
  readonly issuer: string;
  /** A token as a job gets it: the claims of the current job, for an audience, changed by `claims` (`undefined` removes). */
  sign(audience: string, claims?: JsonObject, how?: Forgery): Promise<string>;
  /** The variables that GitHub Actions sets for a job with `permissions: id-token: write`. */
  readonly actions: { readonly ACTIONS_ID_TOKEN_REQUEST_URL: string; readonly ACTIONS_ID_TOKEN_REQUEST_TOKEN: string };
  readonly control: WorkloadIssuerControl;
  /** The requests so far, as `METHOD /path?query`. */
  asked(): readonly string[];
  /** Every token so far, that of the runner included, for tests that search output for them. */
  issuedSecrets(): readonly string[];
  close(): Promise<void>;
}

/** How a token is not what it should be. */
export interface Forgery {
  /** `public-key` signs with HS256 and the published key as its secret. */
  readonly signedBy?: 'issuer' | 'stranger' | 'nobody' | 'public-key';
  readonly header?: JsonObject;
}

/** What can be made to go wrong. */
export interface WorkloadIssuerControl {
  /** The claims of the job that runs, beside those that every token has. */
  job(claims: JsonObject): void;
  /** Signs with a new key from now on; the old one stays published unless told. */
  rotate(options?: { keepOld?: boolean }): void;
  /** Changes the metadata or the answer of the runner's address; undefined behaves again. */
  tamper(document: 'metadata' | 'keys' | 'actions', change?: (honest: JsonObject) => Answer): void;
  /** As at the start, but for its keys; forgets what was asked. */
  behave(): void;
}

/** A body, with another status than 200 where one is given. */
export type Answer = JsonObject | { readonly status: number; readonly body: JsonObject };

/** A job of GitHub Actions in an environment: the claims of the OIDC reference that its rules are about. */
export const githubJob: JsonObject = {
  sub: 'repo:acme/agents:environment:production',
  repository: 'acme/agents',
  repository_id: '74',
  repository_owner: 'acme',
  repository_owner_id: '65',
  ref: 'refs/heads/main',
  ref_type: 'branch',
  ref_protected: 'true',
  environment: 'production',
  event_name: 'push',
  job_workflow_ref: 'acme/agents/.github/workflows/agent.yml@refs/heads/main',
  run_id: '1',
};

interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const lifetimeSeconds = 300;

/** Starts it on a free loopback port. */
export async function startWorkloadIssuer(): Promise<WorkloadIssuer> {
  const listener = await listenOnLoopback();
  const issuer = listener.origin;
  const bearer = `runner-${randomUUID()}`;
  const issued: string[] = [bearer];
  const asked: string[] = [];
  const tampered = new Map<string, (honest: JsonObject) => Answer>();
  let made = 0;
  const newKey = () => signingKey(made++);
  let stranger: SigningKey | undefined;
  let keys: SigningKey[] = [newKey()];
  let job = githubJob;

  async function sign(audience: string, claims: JsonObject = {}, { signedBy = 'issuer', header }: Forgery = {}) {
    const now = Math.floor(Date.now() / 1000);
    const whole = { jti: randomUUID(), iss: issuer, aud: audience, iat: now, nbf: now, exp: now + lifetimeSeconds };
    const payload = JSON.parse(JSON.stringify({ ...whole, ...job, ...claims })) as JsonObject;
    const token = await signed(payload, keys.at(-1) ?? newKey());
    issued.push(token);
    return token;

    async function signed(body: JsonObject, key: SigningKey): Promise<string> {
      const head = { alg: 'RS256', typ: 'JWT', kid: key.kid, ...header };
      if (signedBy === 'nobody') return `${encode({ ...head, alg: 'none' })}.${encode(body)}.`;
      if (signedBy === 'public-key') {
        const text = `${encode({ ...head, alg: 'HS256' })}.${encode(body)}`;
        const secret = key.publicKey.export({ type: 'spki', format: 'pem' });
        return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
      }
      if (signedBy === 'stranger') stranger ??= newKey();
      const { privateKey } = (signedBy === 'stranger' ? stranger : undefined) ?? key;
      return await new SignJWT(body).setProtectedHeader(head).sign(privateKey);
    }
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', issuer);
    asked.push(`${request.method} ${url.pathname}${url.search}`);
    const send = (name: string, honest: JsonObject) => {
      const given = tampered.get(name)?.(honest) ?? honest;
      const { status, body } = isAnswer(given) ? given : { status: 200, body: given };
      response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
    };
    if (url.pathname === '/.well-known/openid-configuration') {
      return send('metadata', {
        issuer,
        jwks_uri: `${issuer}/keys`,
        response_types_supported: ['id_token'],
        id_token_signing_alg_values_supported: ['RS256'],
        subject_types_supported: ['public', 'pairwise'],
      });
    }
    if (url.pathname === '/keys') {
      const published = keys.map(({ kid, publicKey }) => ({
        ...publicKey.export({ format: 'jwk' }),
        kid,
        alg: 'RS256',
        use: 'sig',
      }));
      return send('keys', { keys: published });
    }
    if (url.pathname === '/actions/token' && request.headers.authorization === `Bearer ${bearer}`) {
      return send('actions', {
        count: 1,
        value: await sign(url.searchParams.get('audience') ?? 'https://github.com/acme'),
      });
    }
    response.writeHead(url.pathname === '/actions/token' ? 401 : 404).end();
  }
  listener.serve((request, response) => void answer(request, response));

  return {
    issuer,
    sign,
    actions: {
      ACTIONS_ID_TOKEN_REQUEST_URL: `${issuer}/actions/token?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer,
    },
    control: {
      job(claims) {
        job = claims;
      },
      rotate({ keepOld = true } = {}) {
        keys = [...(keepOld ? keys : []), newKey()];
      },
      tamper(document, change) {
        if (change === undefined) tampered.delete(document);
        else tampered.set(document, change);
      },
      behave() {
        tampered.clear();
        asked.length = 0;
        job = githubJob;
      },
    },
    asked: () => asked,
    issuedSecrets: () => issued,
    close: () => listener.close(),
  };
}

/** Every issuer of this process has these, each under an id of its own: to make one takes as long as a whole sandbox. */
const pairs: ReturnType<typeof newPair>[] = [];

const newPair = () => generateKeyPairSync('rsa', { modulusLength: 2048 });

/** One of an issuer's keys, made when it is first used. */
function signingKey(place: number): SigningKey {
  const pair = () => {
    pairs[place] ??= newPair();
    return pairs[place];
  };
  return {
    kid: randomUUID(),
    get privateKey() {
      return pair().privateKey;
    },
    get publicKey() {
      return pair().publicKey;
    },
  };
}

function isAnswer(given: Answer): given is { readonly status: number; readonly body: JsonObject } {
  return 'status' in given && 'body' in given;
}

function encode(value: JsonObject): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
