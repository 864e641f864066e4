/** The requests and results that are about what services say of their tools, and who reviewed it. */
import * as z from 'zod/mini';

const kind = z.enum(['new', 'changed', 'varying', 'gone']);
const kindOfTool = z.enum(['read', 'write', 'destructive']);
const service = z.optional(z.string());

const waiting = z.strictObject({ service: z.string(), tool: z.string(), change: kind });

const refreshed = z.strictObject({
  service: z.string(),
  listed: z.number(),
  new: z.array(z.string()),
  changed: z.array(z.string()),
  varying: z.array(z.string()),
  gone: z.array(z.string()),
  left_out: z.array(z.strictObject({ name: z.string(), why: z.string() })),
});

export const refreshTools = {
  request: z.strictObject({ service, signIn: z.boolean(), dryRun: z.boolean() }),
  result: z.union([
    z.strictObject({ services: z.array(refreshed) }),
    z.strictObject({ services: z.array(refreshed), would_sign_in_at: z.array(z.string()) }),
  ]),
};

export const diffTools = {
  request: z.strictObject({ service }),
  result: z.strictObject({
    changes: z.array(
      z.strictObject({
        service: z.string(),
        tool: z.string(),
        change: kind,
        /** What it counts as once it is accepted. */
        counts_as: kindOfTool,
        suspicions: z.array(z.strictObject({ kind: z.string(), why: z.string() })),
        offered: z.nullable(z.record(z.string(), z.unknown())),
        reviewed: z.nullable(z.record(z.string(), z.unknown())),
        reviewed_by: z.nullable(z.unknown()),
        reviewed_at: z.nullable(z.string()),
      }),
    ),
    moved: z.array(z.string()),
    not_pinned: z.array(z.string()),
    /** The same for people, as lines that fit their screen. */
    beside: z.strictObject({ lines: z.array(z.string()) }),
  }),
};

const reviewed = z.strictObject({
  accepted: z.array(waiting),
  /** How many wait still, and are off. */
  waiting: z.number(),
});

export const reviewTools = {
  request: z.strictObject({
    service,
    accept: z.optional(z.array(z.string())),
    reason: z.optional(z.string()),
    dryRun: z.boolean(),
  }),
  result: z.union([
    reviewed,
    z.strictObject({ would_accept: z.array(waiting), beside: z.strictObject({ lines: z.array(z.string()) }) }),
    z.strictObject({ would_ask_about: z.array(waiting), beside: z.strictObject({ lines: z.array(z.string()) }) }),
  ]),
};

export const exportToolSheet = {
  request: z.strictObject({ service }),
  result: z.strictObject({ sheet: z.string(), waiting: z.number() }),
};

export const acceptToolSheet = {
  request: z.strictObject({ sheet: z.string(), dryRun: z.boolean() }),
  result: z.union([reviewed, z.strictObject({ would_accept: z.array(waiting) })]),
};

export type RefreshRequest = z.output<typeof refreshTools.request>;
export type Refreshed = z.output<typeof refreshed>;
export type RefreshResult = z.output<typeof refreshTools.result>;
export type DiffRequest = z.output<typeof diffTools.request>;
export type DiffResult = z.output<typeof diffTools.result>;
export type ReviewRequest = z.output<typeof reviewTools.request>;
export type ReviewResult = z.output<typeof reviewTools.result>;
export type Reviewed = z.output<typeof reviewed>;
export type WaitingTool = z.output<typeof waiting>;
export type ExportRequest = z.output<typeof exportToolSheet.request>;
export type ExportedSheet = z.output<typeof exportToolSheet.result>;
export type AcceptRequest = z.output<typeof acceptToolSheet.request>;
export type AcceptResult = z.output<typeof acceptToolSheet.result>;
