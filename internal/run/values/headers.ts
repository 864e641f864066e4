/** The requests and results of `service-connection headers`. */
import * as z from 'zod/mini';
import { owner } from './common.ts';

const text = z.nullable(z.string());

/** Left out, the service is the one that the environment names. */
export const giveHeaders = {
  request: z.strictObject({ service: z.optional(z.string()) }),
  result: z.strictObject({ Authorization: z.string() }),
};

export const allowLocalAgents = {
  request: z.strictObject({
    service: z.string(),
    expectAccount: z.optional(z.string()),
    acceptAccount: z.optional(z.string()),
  }),
  result: z.strictObject({
    service: z.string(),
    source: z.enum(['idp', 'grant']),
    account: text,
    scopes: z.array(z.string()),
    expires_at: text,
    renewable: z.boolean(),
    owner,
    beside: z.strictObject({ title: z.string(), label: z.string() }),
  }),
};

export const endLocalAccess = {
  request: z.strictObject({ service: z.string() }),
  result: z.strictObject({
    service: z.string(),
    /** `none` was kept. */
    access: z.enum(['none', 'revoked', 'not revoked']),
    beside: z.strictObject({ title: z.string() }),
  }),
};

/** Whether local agents of a person may have access to a service at this address now, and how far it may reach. */
export const judgeLocalAgent = {
  request: z.strictObject({ service: z.string(), url: z.string() }),
  result: z.strictObject({ service: z.string(), owner, reach: z.enum(['usual', 'read-only']) }),
};

export const installHeaders = {
  request: z.strictObject({ service: z.optional(z.string()), path: z.string() }),
  result: z.strictObject({
    path: z.string(),
    change: z.enum(['none', 'written']),
    servers: z.array(
      z.strictObject({
        name: z.string(),
        url: z.string(),
        headers_helper: z.string(),
        change: z.enum(['none', 'added', 'changed']),
      }),
    ),
  }),
};

export type HeadersRequest = z.output<typeof giveHeaders.request>;
export type Headers = z.output<typeof giveHeaders.result>;
export type AllowRequest = z.output<typeof allowLocalAgents.request>;
export type Allowed = z.output<typeof allowLocalAgents.result>;
export type EndRequest = z.output<typeof endLocalAccess.request>;
export type Ended = z.output<typeof endLocalAccess.result>;
export type JudgeRequest = z.output<typeof judgeLocalAgent.request>;
export type LocalAgentJudgement = z.output<typeof judgeLocalAgent.result>;
export type InstallRequest = z.output<typeof installHeaders.request>;
export type Installed = z.output<typeof installHeaders.result>;
