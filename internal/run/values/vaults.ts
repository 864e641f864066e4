/** The requests and results of off-boarding, and of a person's several vaults. */
import * as z from 'zod/mini';
import { forAgent, owner } from './common.ts';

const text = z.nullable(z.string());

const credential = z.strictObject({
  credential_id: z.string(),
  kind: z.string(),
  service: text,
  mcp_server_url: text,
  account: text,
});

/** The agents that the person answers for, and that need somebody else who does. */
const sponsorOf = z.array(z.string());

/** What would be done, and what is there. */
const plan = z.strictObject({
  owner,
  vaults: z.array(
    z.strictObject({
      vault_id: z.string(),
      created_at: z.string(),
      signature: z.string(),
      offboarded: z.boolean(),
      plan: z.enum(['archive', 'leave']),
      credentials: z.array(credential),
    }),
  ),
  archived_vaults: z.array(z.strictObject({ vault_id: z.string(), offboarded: z.boolean() })),
  sessions: z.array(z.strictObject({ session_id: z.string(), status: z.string() })),
  sponsor_of: sponsorOf,
  beside: z.strictObject({ rows: z.array(z.array(z.string())) }),
});

const step = z.strictObject({
  act: z.enum(['vault.mark', 'credential.archive', 'session.end', 'vault.archive', 'vault.create']),
  id: z.string(),
  done: z.boolean(),
  answer: z.string(),
  seconds: z.number(),
});

const offboarded = z.strictObject({
  owner,
  change: z.literal('offboarded'),
  seconds: z.number(),
  steps: z.array(step),
  not_revoked: z.array(credential),
  left_alone: z.array(z.strictObject({ vault_id: z.string(), signature: z.string() })),
  sponsor_of: sponsorOf,
  /** What a person has to end by hand, in lines. */
  beside: z.strictObject({ byHand: z.array(z.string()) }),
});

const unchanged = z.strictObject({
  owner,
  change: z.literal('unchanged'),
  offboarded_at: z.string(),
  offboarded_by: z.string(),
  vault_id: text,
  sponsor_of: sponsorOf,
});

const wouldLetIn = z.strictObject({ owner, would: z.enum(['create', 'unmark']), vault_ids: z.array(z.string()) });

const letIn = z.strictObject({ owner, change: z.enum(['unmarked', 'created']), vault_id: z.string() });

export const offboardPerson = {
  request: z.strictObject({
    subject: z.string(),
    issuer: z.optional(z.string()),
    kind: z.optional(z.string()),
    includeUnproven: z.boolean(),
    /** The subject once more, which stands for the question. */
    confirmed: z.optional(z.string()),
    undo: z.boolean(),
    dryRun: z.boolean(),
  }),
  result: z.union([plan, offboarded, unchanged, wouldLetIn, letIn]),
};

const claimed = z.strictObject({
  vault_id: z.string(),
  created_at: z.string(),
  signature: z.string(),
  connections: z.array(z.strictObject({ credential_id: z.string(), mcp_server_url: text, account: text })),
});

const rows = z.array(z.array(z.string()));

export const repairVaults = {
  request: z.strictObject({ ...forAgent, keep: z.optional(z.string()), dryRun: z.boolean() }),
  result: z.union([
    z.strictObject({
      vaults: z.array(claimed),
      would_keep: text,
      would_ask_about: z.array(z.string()),
      beside: z.strictObject({ rows, why: z.string() }),
    }),
    z.strictObject({
      vaults: z.array(claimed),
      archived_now: z.array(z.string()),
      archived_vaults: z.array(z.strictObject({ vault_id: z.string(), created_at: z.string(), archived_at: text })),
      beside: z.strictObject({ rows }),
    }),
  ]),
};

export type OffboardPersonRequest = z.output<typeof offboardPerson.request>;
export type OffboardResult = z.output<typeof offboardPerson.result>;
export type OffboardPlan = z.output<typeof plan>;
export type OffboardedPerson = z.output<typeof offboarded>;
export type RepairRequest = z.output<typeof repairVaults.request>;
export type RepairedVaults = z.output<typeof repairVaults.result>;
