/** The requests and results that are about tokens of sessions and the keys they are signed with. */
import * as z from 'zod/mini';

const key = z.strictObject({
  kid: z.string(),
  alg: z.enum(['EdDSA', 'ES256']),
  signs_from: z.string(),
  /** `waits`: published, and not in use yet. `replaced`: another one signs, and what this one has signed may still count. */
  state: z.enum(['waits', 'signs', 'replaced', 'may go']),
  /** When it may be retired; null while none comes after it. */
  may_go_at: z.nullable(z.string()),
});

const written = z.strictObject({
  keys: z.array(key),
  /** The reviewed file, and the one that is published. */
  written: z.array(z.string()),
});

export const makeTokenKey = {
  request: z.strictObject({
    act: z.enum(['generate', 'rotate']),
    /** The text of the public half that a signing program has; a new pair is made without it. */
    publicKey: z.optional(z.string()),
    /** How long it is published before it signs; only a further one waits. */
    noticeSeconds: z.optional(z.number()),
    dryRun: z.boolean(),
  }),
  result: z.strictObject({ kid: z.string(), ...written.shape, would: z.boolean() }),
};

export const listTokenKeys = {
  request: z.strictObject({}),
  result: z.strictObject({ keys: z.array(key), issuer: z.string(), published_in: z.string() }),
};

export const retireTokenKey = {
  request: z.strictObject({ kid: z.string(), dryRun: z.boolean() }),
  result: z.strictObject({ kid: z.string(), ...written.shape, would: z.boolean() }),
};

export const inspectToken = {
  request: z.strictObject({}),
  result: z.strictObject({
    counts: z.boolean(),
    /** Why it does not; null where it does. */
    code: z.nullable(z.string()),
    why: z.nullable(z.string()),
    /** What it says, verified or not; null for what is no token. */
    claims: z.nullable(z.record(z.string(), z.unknown())),
  }),
};

export const revokeTokens = {
  request: z.strictObject({ session: z.string(), dryRun: z.boolean() }),
  result: z.strictObject({
    session_id: z.string(),
    change: z.enum(['taken back', 'would be taken back']),
    servers: z.array(z.string()),
    /** The sessions that it began, and those again: theirs are taken back too. */
    begun: z.array(z.string()),
  }),
};

export type MakeTokenKeyRequest = z.output<typeof makeTokenKey.request>;
export type MadeTokenKey = z.output<typeof makeTokenKey.result>;
export type ListedTokenKeys = z.output<typeof listTokenKeys.result>;
export type RetireTokenKeyRequest = z.output<typeof retireTokenKey.request>;
export type RetiredTokenKey = z.output<typeof retireTokenKey.result>;
export type InspectedToken = z.output<typeof inspectToken.result>;
export type RevokeTokensRequest = z.output<typeof revokeTokens.request>;
export type RevokedTokens = z.output<typeof revokeTokens.result>;
