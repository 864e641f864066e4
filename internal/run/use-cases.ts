/**
 * Every use-case: what its request and result are, where it is, and who one will have to be where a server runs it for many.
 * A command loads its own use-case alone, so that no start pays for the others or for the definitions of values.
 */
import type * as z from 'zod/mini';
import type { UseCase } from './ports.ts';

/** What somebody can be where a server runs use-cases for many; on one's own machine nobody is asked for it. */
export type Role = 'user' | 'approver' | 'operator' | 'auditor' | 'admin';

/** What a request and a result are. */
interface Values<Request, Result> {
  request: z.ZodMiniType<Request>;
  result: z.ZodMiniType<Result>;
}

export interface ListedUseCase {
  role: Role;
  load(): Promise<UseCase<never, unknown>>;
  values(): Promise<Values<unknown, unknown>>;
}

/** The definitions that belong to the use-cases of one file. */
type ValuesOf<Uses> = {
  [Name in keyof Uses]: Uses[Name] extends UseCase<infer Request, infer Result> ? Values<Request, Result> : never;
};

/** The use-cases of one file: each has its definitions under the same name in a file of values. */
function listed<Uses, Name extends keyof Uses & string>(
  load: () => Promise<Uses>,
  values: () => Promise<Pick<ValuesOf<Uses>, NoInfer<Name>>>,
  roles: Readonly<Record<Name, Role>>,
): Record<string, ListedUseCase> {
  return Object.fromEntries(
    (Object.keys(roles) as Name[]).map((name) => [
      name,
      {
        role: roles[name],
        load: async () => (await load())[name] as UseCase<never, unknown>,
        values: async () => (await values())[name] as Values<unknown, unknown>,
      },
    ]),
  );
}

const connections = () => import('./values/connections.ts');
const headers = () => import('./values/headers.ts');
const agents = () => import('./values/agents.ts');
const setup = () => import('./values/setup.ts');
const vaults = () => import('./values/vaults.ts');
const tools = () => import('./values/tools.ts');
const sessions = () => import('./values/sessions.ts');
const skills = () => import('./values/skills.ts');
const drafts = () => import('./values/drafts.ts');
const catalogue = () => import('./values/catalogue.ts');

/** All of them, by name. */
export const useCases: Readonly<Record<string, ListedUseCase>> = {
  ...listed(
    () => import('./use-cases/sign-in.ts'),
    () => import('./values/sign-in.ts'),
    { login: 'user', logout: 'user', whoami: 'user' },
  ),
  ...listed(() => import('./use-cases/connections.ts'), connections, {
    listConnections: 'user',
    checkConnections: 'user',
    disconnect: 'user',
    examineConnections: 'user',
  }),
  ...listed(() => import('./use-cases/connect.ts'), connections, { connect: 'user' }),
  ...listed(() => import('./use-cases/headers.ts'), headers, {
    giveHeaders: 'user',
    allowLocalAgents: 'user',
    endLocalAccess: 'user',
    installHeaders: 'user',
  }),
  ...listed(() => import('./use-cases/judge-local-agent.ts'), headers, { judgeLocalAgent: 'user' }),
  ...listed(() => import('./use-cases/connect-token.ts'), connections, { connectToken: 'user' }),
  ...listed(() => import('./use-cases/connect-unlisted.ts'), connections, { connectUnlisted: 'user' }),
  ...listed(() => import('./use-cases/connections-page.ts'), connections, { openConnectionsPage: 'user' }),
  ...listed(() => import('./use-cases/draft-service.ts'), connections, { draftService: 'operator' }),
  ...listed(
    () => import('./use-cases/ownership.ts'),
    () => import('./values/ownership.ts'),
    { makeOwnershipKey: 'admin', signOwner: 'admin', verifyOwners: 'auditor' },
  ),
  ...listed(() => import('./use-cases/offboard.ts'), vaults, { offboardPerson: 'operator' }),
  ...listed(() => import('./use-cases/repair-vaults.ts'), vaults, { repairVaults: 'user' }),
  ...listed(() => import('./use-cases/tools.ts'), tools, {
    refreshTools: 'operator',
    diffTools: 'user',
    exportToolSheet: 'user',
  }),
  ...listed(() => import('./use-cases/review-tools.ts'), tools, {
    reviewTools: 'operator',
    acceptToolSheet: 'operator',
  }),
  ...listed(
    () => import('./use-cases/record.ts'),
    () => import('./values/record.ts'),
    { showOwnRecord: 'user', showRecord: 'auditor', verifyRecord: 'auditor', checkpointRecord: 'auditor' },
  ),
  ...listed(
    () => import('./use-cases/pull-calls.ts'),
    () => import('./values/audit.ts'),
    { pullCalls: 'auditor' },
  ),
  ...listed(
    () => import('./use-cases/export-record.ts'),
    () => import('./values/record.ts'),
    { exportRecord: 'auditor' },
  ),
  ...listed(
    () => import('./use-cases/copy-record.ts'),
    () => import('./values/record.ts'),
    { copyRecord: 'auditor' },
  ),
  ...listed(
    () => import('./use-cases/reconcile.ts'),
    () => import('./values/audit.ts'),
    { reconcilePlatform: 'auditor' },
  ),
  ...listed(() => import('./use-cases/sync-skills.ts'), skills, {
    syncSkills: 'operator',
    applySkillsPlan: 'operator',
  }),
  ...listed(() => import('./use-cases/scan-skills.ts'), skills, { scanSkills: 'user' }),
  ...listed(() => import('./use-cases/verify-skills.ts'), skills, { verifySkills: 'auditor' }),
  ...listed(() => import('./use-cases/pull-skills.ts'), skills, { pullSkills: 'operator' }),
  ...listed(() => import('./use-cases/names-there.ts'), setup, { namesThere: 'user' }),
  ...listed(() => import('./use-cases/write-starter.ts'), setup, { writeStarter: 'operator' }),
  ...listed(() => import('./use-cases/examine-setup.ts'), setup, { examineSetup: 'user' }),
  ...listed(() => import('./use-cases/explain.ts'), setup, { explainVerdicts: 'user' }),
  ...listed(() => import('./use-cases/agents.ts'), agents, {
    planAgents: 'auditor',
    applyAgents: 'operator',
    listAgents: 'auditor',
    showAgent: 'auditor',
  }),
  ...listed(() => import('./use-cases/create-agent.ts'), agents, { createAgent: 'operator' }),
  ...listed(() => import('./use-cases/draft-agent.ts'), drafts, {
    listUsableAgents: 'user',
    listAgentChoices: 'operator',
    draftAgent: 'operator',
  }),
  ...listed(() => import('./use-cases/catalogue.ts'), catalogue, {
    showCatalogue: 'user',
    listWaitingTools: 'operator',
    tickToolSheet: 'operator',
  }),
  ...listed(
    () => import('./use-cases/people.ts'),
    () => import('./values/people.ts'),
    { listPeople: 'operator' },
  ),
  ...listed(() => import('./use-cases/adopt.ts'), agents, { adoptAgent: 'operator', adoptEnvironment: 'operator' }),
  ...listed(() => import('./use-cases/retire-agent.ts'), agents, { retireAgent: 'operator' }),
  ...listed(() => import('./use-cases/start-session.ts'), sessions, { startSession: 'user' }),
  ...listed(() => import('./use-cases/talk.ts'), sessions, { sendMessage: 'user', answerCall: 'approver' }),
  ...listed(() => import('./use-cases/approvals.ts'), sessions, { listApprovals: 'approver' }),
  ...listed(
    () => import('./use-cases/guard.ts'),
    () => import('./values/rules.ts'),
    { guardCalls: 'operator', testRules: 'auditor' },
  ),
  ...listed(
    () => import('./use-cases/token-keys.ts'),
    () => import('./values/session-tokens.ts'),
    { makeTokenKey: 'admin', listTokenKeys: 'auditor', retireTokenKey: 'admin' },
  ),
  ...listed(
    () => import('./use-cases/tokens.ts'),
    () => import('./values/session-tokens.ts'),
    { inspectToken: 'user', revokeTokens: 'user' },
  ),
  ...listed(() => import('./use-cases/show-session.ts'), sessions, { showSession: 'user' }),
  ...listed(() => import('./use-cases/idle-sessions.ts'), sessions, { stopIdleSessions: 'user' }),
  ...listed(() => import('./use-cases/sessions.ts'), sessions, {
    listSessions: 'user',
    verifySessions: 'user',
    attachSession: 'user',
    stopSession: 'user',
  }),
};
