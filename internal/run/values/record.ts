/** The requests and results of whoever reads the record. */
import * as z from 'zod/mini';

const actor = z.union([
  z.strictObject({
    kind: z.enum(['person', 'job']),
    proof: z.string(),
    issuer: z.string(),
    subject: z.string(),
    label: z.string(),
    acr: z.optional(z.string()),
    amr: z.optional(z.readonly(z.array(z.string()))),
    auth_time: z.optional(z.number()),
    /** The agent that they have act for itself, and who answers for it. */
    autonomous: z.optional(z.strictObject({ agent: z.string(), sponsor: z.string() })),
  }),
  z.strictObject({ kind: z.enum(['key_holder', 'unproven']), account: z.nullable(z.string()) }),
]);

export const showRecord = {
  request: z.strictObject({
    subject: z.optional(z.string()),
    /** Where several have the subject. */
    issuer: z.optional(z.string()),
    kind: z.optional(z.enum(['person', 'job'])),
    act: z.optional(z.string()),
    agent: z.optional(z.string()),
    session: z.optional(z.string()),
    service: z.optional(z.string()),
    tool: z.optional(z.string()),
    since: z.optional(z.string()),
    /** Only what was before that time. */
    before: z.optional(z.string()),
    last: z.number(),
  }),
  result: z.strictObject({
    acts: z.array(
      z.strictObject({
        at: z.string(),
        act: z.string(),
        actor,
        /** The agent that acts, in its version. */
        agent: z.nullable(z.strictObject({ id: z.string(), version: z.string(), name: z.nullable(z.string()) })),
        session: z.nullable(z.string()),
        /** What decided, in words; null where the line does not say. */
        rule: z.nullable(z.string()),
        /** What a call of a tool was; null for other acts. Without `confirmer` nobody answered, or nobody whom the record knows. */
        call: z.nullable(
          z.strictObject({
            service: z.string(),
            tool: z.string(),
            permission: z.string(),
            answer: z.nullable(z.string()),
            confirmer: z.nullable(actor),
          }),
        ),
        /** What somebody answered to a call, as whom, and the digest that it is bound to; null for other acts. */
        given: z.nullable(
          z.strictObject({
            answer: z.string(),
            as: z.string(),
            digest: z.nullable(z.string()),
            service: z.nullable(z.string()),
            tool: z.nullable(z.string()),
          }),
        ),
        target: z.strictObject({ kind: z.string(), id: z.nullable(z.string()), label: z.string() }),
        /** The address of the platform; null for what it has no part in. */
        platform: z.nullable(z.string()),
        /** The address of whoever else was asked. */
        server: z.nullable(z.string()),
        workspace: z.nullable(z.string()),
        /** Null where nothing says how it ended. */
        outcome: z.nullable(z.string()),
        attempts: z.nullable(z.number()),
        error: z.nullable(z.string()),
      }),
    ),
    /** How many faults the record has; `audit verify` says which. */
    faults: z.number(),
  }),
};

export const showOwnRecord = {
  request: z.omit(showRecord.request, { subject: true, issuer: true, kind: true }),
  result: z.omit(showRecord.result, { faults: true }),
};

export const verifyRecord = {
  request: z.strictObject({
    /** Public keys, in the form that public tools take; the one beside the record where there are none. */
    keys: z.array(z.string()),
    /** Checkpoints that are kept elsewhere. */
    checkpoints: z.array(z.strictObject({ from: z.string(), note: z.string() })),
  }),
  result: z.strictObject({
    lines: z.number(),
    head: z.nullable(z.strictObject({ log: z.string(), count: z.number(), hash: z.string() })),
    findings: z.array(z.strictObject({ severity: z.string(), file: z.string(), line: z.number(), what: z.string() })),
    folder: z.string(),
    checkpoints: z.array(z.strictObject({ from: z.string(), count: z.nullable(z.number()), verdict: z.string() })),
    /** What nobody can know from this. */
    unknown: z.array(z.string()),
  }),
};

export const checkpointRecord = {
  request: z.strictObject({}),
  result: z.strictObject({
    note: z.string(),
    where: z.string(),
    count: z.number(),
    hash: z.string(),
    key: z.string(),
  }),
};

export const exportRecord = {
  request: z.strictObject({
    /** Undefined for that of the sink in the configuration, else `jsonl`. */
    format: z.optional(z.enum(['jsonl', 'ocsf', 'cef', 'otlp'])),
    /** Only what comes after this line; undefined for all, or for what the sink does not have. */
    after: z.optional(z.number()),
    /** Where it goes, or `name` of a sink of the configuration; undefined for stdout. */
    sink: z.optional(z.union([z.string(), z.strictObject({ name: z.string() })])),
    /** Goes on with what is added, until the time is over or somebody ends it. */
    follow: z.boolean(),
    /** As messages of RFC 5424. */
    syslog: z.boolean(),
    /** Whether a token for the sink is entered. */
    withToken: z.boolean(),
  }),
  result: z.strictObject({
    format: z.string(),
    sink: z.nullable(z.string()),
    exported: z.number(),
    /** The last line that was looked at. */
    through: z.number(),
  }),
};

export const copyRecord = {
  request: z.strictObject({ format: z.enum(['jsonl', 'ocsf', 'cef']) }),
  result: z.strictObject({ exported: z.number(), through: z.number() }),
};

export type CopyRecordRequest = z.output<typeof copyRecord.request>;
export type CopiedRecord = z.output<typeof copyRecord.result>;
export type ExportRecordRequest = z.output<typeof exportRecord.request>;
export type ExportedRecord = z.output<typeof exportRecord.result>;
export type ShowRecordRequest = z.output<typeof showRecord.request>;
export type ShownRecord = z.output<typeof showRecord.result>;
export type ShowOwnRecordRequest = z.output<typeof showOwnRecord.request>;
export type ShownOwnRecord = z.output<typeof showOwnRecord.result>;
export type VerifiedRecord = z.output<typeof verifyRecord.result>;
export type VerifyRecordRequest = z.output<typeof verifyRecord.request>;
export type MadeCheckpoint = z.output<typeof checkpointRecord.result>;
