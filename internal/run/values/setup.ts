/** The requests and results of whoever sets things up: a starter, what is missing, what applies to whom. */
import * as z from 'zod/mini';
import { nameKinds } from '../../config/names.ts';
import { verdicts } from '../../config/verdicts.ts';
import { nothing, owner } from './common.ts';

const text = z.nullable(z.string());
const lines = z.array(z.string());

export const writeStarter = {
  request: z.strictObject({
    folder: z.optional(z.string()),
    /** The files of these services, and nothing else. */
    services: z.optional(lines),
    dryRun: z.boolean(),
  }),
  result: z.union([
    z.strictObject({ written: lines, kept: lines, beside: z.strictObject({ next: lines }) }),
    z.strictObject({ would_write: lines, would_keep: lines, beside: z.strictObject({ next: lines }) }),
  ]),
};

export const examineSetup = {
  request: nothing,
  result: z.strictObject({
    checks: z.array(
      z.strictObject({
        check: z.enum([
          'placeholders',
          'network',
          'issuer',
          'client',
          'groups',
          'keychain',
          'key',
          'workspace',
          'model',
        ]),
        state: z.enum(['ok', 'note', 'problem']),
        found: z.string(),
        next: text,
      }),
    ),
    workspace_id: text,
    known_from: z.string(),
    sdk_version: z.string(),
    looked_at: z.record(z.string(), z.number()),
    unknown_members: lines,
    accepted_members: lines,
    needless_members: lines,
    /** What was found on the platform, in words. */
    beside: z.strictObject({ lines }),
  }),
};

const verdict = z.enum(verdicts);
const pinned = z.nullable(z.enum(['on', 'off']));
const statement = z.strictObject({
  party: z.enum(['agent', 'person', 'scopes', 'pin', 'parent']),
  verdict,
  because: z.string(),
});

export const explainVerdicts = {
  request: z.strictObject({
    agent: z.string(),
    tool: z.optional(z.string()),
    /** Somebody who is in this group alone, instead of whoever asks. */
    group: z.optional(z.string()),
    /** The agent itself, instead of whoever asks. */
    asAgent: z.optional(z.boolean()),
  }),
  result: z.strictObject({
    agent: z.string(),
    for: z.union([owner, z.strictObject({ group: z.string() })]),
    may_start: z.boolean(),
    groups_missing: text,
    /** Which claim of whoever asks was looked at and what is in it. */
    groups_said: text,
    at: z.string(),
    tools: z.array(
      z.strictObject({
        service: z.string(),
        tool: z.string(),
        class: z.string(),
        agent: verdict,
        person: verdict,
        scopes: pinned,
        pin: pinned,
        /** Of a router, what that makes of its class, or why it does not. */
        router: z.nullable(z.string()),
        verdict,
        rule: statement,
        /** What has to change for the next wider verdict; null where it is as wide as can be. */
        wider: z.nullable(z.strictObject({ verdict, changes: z.array(statement) })),
        domains: z.optional(lines),
      }),
    ),
    /** How to call whom it is for. */
    beside: z.strictObject({ who: z.string() }),
  }),
};

/** The names that a word of a command line can be. */
export const namesThere = {
  request: z.strictObject({ kind: z.enum(nameKinds) }),
  result: z.strictObject({ names: lines }),
};

export type NamesRequest = z.output<typeof namesThere.request>;
export type NamesThere = z.output<typeof namesThere.result>;
export type StarterRequest = z.output<typeof writeStarter.request>;
export type WrittenStarter = z.output<typeof writeStarter.result>;
export type ExaminedSetup = z.output<typeof examineSetup.result>;
export type ExplainRequest = z.output<typeof explainVerdicts.request>;
export type ExplainedVerdicts = z.output<typeof explainVerdicts.result>;
