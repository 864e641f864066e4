/** The requests and results of whoever holds the ownership key. */
import * as z from 'zod/mini';
import { owner } from './common.ts';

const judgedVault = {
  vault_id: z.string(),
  created_at: z.string(),
  owner,
  signature: z.string(),
};

export const makeOwnershipKey = {
  request: z.strictObject({ kid: z.string() }),
  /** The public part alone. */
  result: z.strictObject({ kty: z.string(), crv: z.string(), kid: z.string(), x: z.string() }),
};

export const signOwner = {
  request: z.strictObject({ vault: z.string(), subject: z.optional(z.string()), dryRun: z.boolean() }),
  result: z.strictObject({ ...judgedVault, change: z.enum(['signed', 'unchanged', 'would be signed']) }),
};

export const verifyOwners = {
  request: z.strictObject({ vault: z.optional(z.string()) }),
  result: z.strictObject({
    vaults: z.array(z.strictObject(judgedVault)),
    /** The names of the keys that signed them, in their order. */
    beside: z.strictObject({ keys: z.array(z.string()) }),
  }),
};

export type KeyRequest = z.output<typeof makeOwnershipKey.request>;
export type OwnershipKey = z.output<typeof makeOwnershipKey.result>;
export type SignRequest = z.output<typeof signOwner.request>;
export type SignedOwner = z.output<typeof signOwner.result>;
export type VerifyOwnersRequest = z.output<typeof verifyOwners.request>;
export type VerifiedOwners = z.output<typeof verifyOwners.result>;
