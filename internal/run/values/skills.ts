/** The requests and results of `skill-sync`. */
import * as z from 'zod/mini';

const text = z.nullable(z.string());

/** Which folders and skills are meant. */
const meant = {
  folders: z.array(z.string()),
  only: z.optional(z.array(z.string())),
  changedSince: z.optional(z.string()),
};

/** In which ways a run reports, beside its result. */
const reports = {
  report: z.optional(z.enum(['github', 'gitlab', 'plain'])),
  sarif: z.optional(z.string()),
  codeQuality: z.optional(z.string()),
};

const applying = { ...reports, dryRun: z.boolean(), diff: z.boolean(), yesPrune: z.optional(z.number()) };

const finding = z.strictObject({
  rule: z.string(),
  level: z.enum(['error', 'warning', 'note']),
  skill: z.string(),
  file: z.string(),
  line: z.nullable(z.number()),
  column: z.nullable(z.number()),
  what: z.string(),
  fix: z.string(),
});

const change = z.enum(['create', 'update', 'rename', 'adopt', 'unchanged', 'orphaned', 'prune', 'blocked', 'invalid']);

const synced = z.strictObject({
  skills: z.array(
    z.strictObject({
      name: z.string(),
      folder: z.string(),
      change,
      applied: z.boolean(),
      skill_id: text,
      version_id: text,
      sha256: z.string(),
      agents: z.array(z.string()),
      renamed_from: z.optional(z.string()),
      where: z.optional(z.strictObject({ what: z.string(), fix: z.string() })),
      diff: z.optional(z.string()),
    }),
  ),
  pending: z.number(),
  findings: z.array(finding),
  stale_pins: z.array(
    z.strictObject({
      agent: text,
      agent_id: z.string(),
      agent_name: z.string(),
      agent_version: z.number(),
      skill: z.string(),
      skill_id: z.string(),
      pinned: z.string(),
      locked: z.string(),
    }),
  ),
  beside: z.strictObject({
    /** What is said of agents with a file that do not have the version of the lock. */
    behind: z.array(z.string()),
    /** Whether something is left to do, where that was the question. */
    failsCheck: z.boolean(),
  }),
});

export const syncSkills = {
  request: z.strictObject({
    ...meant,
    ...applying,
    check: z.boolean(),
    lock: z.optional(z.string()),
    overwrite: z.boolean(),
    prune: z.boolean(),
    out: z.optional(z.string()),
    keepGoing: z.boolean(),
  }),
  result: synced,
};

/** A plan that somebody reviewed, as its file has it. */
const plan = z.strictObject({
  workspaceId: z.optional(z.string()),
  overwrite: z.boolean(),
  prune: z.boolean(),
  parts: z.array(
    z.strictObject({
      folder: z.string(),
      lockFile: z.string(),
      only: z.optional(z.array(z.string())),
      changes: z.array(
        z.strictObject({
          name: z.string(),
          change: z.string(),
          sha256: z.string(),
          skill_id: text,
          version_id: text,
        }),
      ),
    }),
  ),
});

export const applySkillsPlan = { request: z.strictObject({ ...applying, plan }), result: synced };

export const scanSkills = {
  request: z.strictObject({ ...meant, ...reports }),
  result: z.strictObject({
    findings: z.array(finding),
    suppressed: z.number(),
    skills: z.number(),
    /** Each finding in a line. */
    beside: z.strictObject({ lines: z.array(z.string()) }),
  }),
};

export const verifySkills = {
  request: z.strictObject({ folders: z.array(z.string()), lock: z.optional(z.string()) }),
  result: z.strictObject({
    skills: z.array(
      z.strictObject({
        name: z.string(),
        folder: z.string(),
        outcome: z.enum(['intact', 'altered', 'gone', 'unreadable']),
        skill_id: z.string(),
        version_id: z.string(),
        sha256: z.string(),
      }),
    ),
  }),
};

export const pullSkills = {
  request: z.strictObject({
    skills: z.array(z.string()),
    folder: z.optional(z.string()),
    skillVersion: z.optional(z.string()),
    lock: z.optional(z.string()),
    overwrite: z.boolean(),
    dryRun: z.boolean(),
  }),
  result: z.strictObject({
    skills: z.array(
      z.strictObject({
        name: z.string(),
        folder: z.string(),
        change: z.enum(['pulled', 'unchanged']),
        applied: z.boolean(),
        skill_id: z.string(),
        version_id: z.string(),
        sha256: z.string(),
        new_in_lock: z.boolean(),
      }),
    ),
  }),
};

export type SyncRequest = z.output<typeof syncSkills.request>;
export type ApplyPlanRequest = z.output<typeof applySkillsPlan.request>;
export type SyncedSkills = z.output<typeof synced>;
export type ReportRequest = Pick<SyncRequest, keyof typeof reports>;
export type FindingValue = z.output<typeof finding>;
export type ScanRequest = z.output<typeof scanSkills.request>;
export type ScannedSkills = z.output<typeof scanSkills.result>;
export type VerifySkillsRequest = z.output<typeof verifySkills.request>;
export type VerifiedSkills = z.output<typeof verifySkills.result>;
export type PullRequest = z.output<typeof pullSkills.request>;
export type PulledSkills = z.output<typeof pullSkills.result>;
