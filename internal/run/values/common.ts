/** Values that several requests or results have in common. Loaded by whoever checks values, and by no command. */
import * as z from 'zod/mini';
import { principalKinds } from '../../identity/principal.ts';

/** Who somebody is. */
export const owner = z.strictObject({ kind: z.enum(principalKinds), issuer: z.string(), subject: z.string() });

/** The agent whose own vault it is about; the vault of whoever asks where it is left out. */
export const forAgent = { forAgent: z.optional(z.string()) };

/** A request that says nothing. */
export const nothing = z.strictObject({});

export type Owner = z.output<typeof owner>;
export type ForAgent = { forAgent?: string | undefined };
export type Nothing = z.output<typeof nothing>;
