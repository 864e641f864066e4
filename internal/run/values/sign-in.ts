/** The requests and results of `login`, `logout` and `whoami`. */
import * as z from 'zod/mini';
import { nothing, owner } from './common.ts';

const who = {
  ...owner.shape,
  label: z.string(),
  groups: z.array(z.string()),
  groups_missing: z.nullable(z.string()),
  /** Which claim was looked at and what is in it. */
  groups_said: z.nullable(z.string()),
  verified_email: z.nullable(z.string()),
  acr: z.nullable(z.string()),
  amr: z.array(z.string()),
  auth_time: z.nullable(z.string()),
  proven_by: z.enum(['fresh', 'kept', 'renewed', 'handed', 'system']),
  kept_in: z.nullable(z.string()),
  expires_at: z.nullable(z.string()),
  not_enough: z.nullable(z.string()),
};

/** Who signed in. */
export const login = { request: nothing, result: z.strictObject(who) };

/** What signing out has ended, or would. */
const signedOut = z.union([
  z.strictObject({
    removed_from: z.nullable(z.string()),
    refresh_token: z.enum(['none', 'revoked', 'not revoked', 'no endpoint']),
    /** Where the browser's own session at the provider, which lasts, can be ended. */
    browser_ends_at: z.nullable(z.string()),
  }),
  z.strictObject({
    would_remove_from: z.nullable(z.string()),
    refresh_token: z.enum(['none', 'would be revoked', 'no endpoint', 'provider not reached']),
    beside: z.strictObject({ place: z.string(), unusable: z.nullable(z.string()) }),
  }),
]);

export const logout = { request: z.strictObject({ dryRun: z.boolean() }), result: signedOut };

/** One setting, its value as text, and who said so. */
const setting = z.strictObject({
  setting: z.string(),
  value: z.string(),
  source: z.enum(['flag', 'environment', 'project config', 'user config', 'default']),
  /** The flag, the variable, or the file and its key; left out for a default. */
  key: z.optional(z.string()),
});

/** Who somebody is, and with `explain` where every setting comes from. */
export const whoami = {
  request: z.strictObject({ explain: z.boolean() }),
  result: z.strictObject({ ...who, settings: z.optional(z.array(setting)) }),
};

export type SignedIn = z.output<typeof login.result>;
export type LogoutRequest = z.output<typeof logout.request>;
export type SignedOut = z.output<typeof signedOut>;
export type WhoamiRequest = z.output<typeof whoami.request>;
export type Setting = z.output<typeof setting>;
export type Whoami = z.output<typeof whoami.result>;
