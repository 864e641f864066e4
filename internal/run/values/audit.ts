/** The requests and results of whoever holds the platform against the record. */
import * as z from 'zod/mini';

export const pullCalls = {
  request: z.strictObject({ since: z.optional(z.string()), withArguments: z.boolean() }),
  result: z.strictObject({
    /** How many sessions of the record were read. */
    sessions: z.number(),
    /** How many calls have their line now and had none before. */
    calls: z.number(),
    /** How many go on and get theirs later. */
    going_on: z.number(),
    /** Answers that the record does not know. */
    foreign_answers: z.array(
      z.strictObject({ session: z.string(), call: z.string(), event: z.string(), answer: z.string() }),
    ),
    /** Sessions that the platform does not know any more. */
    gone: z.array(z.string()),
    unknown_types: z.array(z.string()),
  }),
};

export const reconcilePlatform = {
  request: z.strictObject({
    /** Folders of records of other machines. */
    records: z.array(z.string()),
    /** A file of spans, OTLP as JSON. */
    spans: z.optional(z.string()),
  }),
  result: z.strictObject({
    alarms: z.array(z.strictObject({ kind: z.string(), what: z.string(), evidence: z.record(z.string(), z.string()) })),
    looked_at: z.strictObject({
      sessions: z.number(),
      vaults: z.number(),
      credentials: z.number(),
      events: z.number(),
      spans: z.number(),
    }),
    /** Since when everything should be in the records. */
    began: z.string(),
    records: z.array(z.string()),
    cannot_know: z.array(z.string()),
  }),
};

export type ReconcileRequest = z.output<typeof reconcilePlatform.request>;
export type ReconciledPlatform = z.output<typeof reconcilePlatform.result>;
export type PullCallsRequest = z.output<typeof pullCalls.request>;
export type PulledCalls = z.output<typeof pullCalls.result>;
