/** One behaviour that no document describes, and what this emulator does instead. */
export interface Choice {
  area: string;
  /** What is not documented. */
  unknown: string;
  /** What the emulator does. */
  choice: string;
  /** The status of the refusal, where the choice is to refuse. */
  status?: number;
}

/**
 * Every place where the emulator had to invent. The rule was to take the strictest behaviour, so that a client
 * which works here relies on nothing that the platform has not promised. Code refers to the entries by name.
 */
export const choices = {
  // Conventions
  missingBeta: {
    area: 'errors',
    unknown: 'the status of a missing beta header outside streams and threads',
    choice: 'refused',
    status: 400,
  },
  apiVersion: {
    area: 'errors',
    unknown: 'what an unknown or missing anthropic-version does on these endpoints',
    choice: 'refused; 2023-06-01 and 2026-10-21 are known and behave alike',
    status: 400,
  },
  wrongWorkspaceHeader: {
    area: 'errors',
    unknown: 'the status of an anthropic-workspace-id that is not the workspace of the key',
    choice: 'refused as a permission',
    status: 403,
  },
  unknownField: {
    area: 'errors',
    unknown: 'whether an unknown JSON field or query parameter is ignored',
    choice: 'refused, naming the first such field; only beta=true in the query is ignored, as documented',
    status: 400,
  },
  malformedId: {
    area: 'errors',
    unknown: 'whether a malformed id differs from an unknown one, except for agents (400 seen)',
    choice: 'not found',
    status: 404,
  },
  traceContext: {
    area: 'errors',
    unknown: 'what a malformed traceparent does, and what becomes of baggage, which may hold anything',
    choice: 'both are refused',
    status: 400,
  },
  metadataLimits: {
    area: 'errors',
    unknown: 'the status of broken metadata limits, and the numbers for environments',
    choice: 'refused; environments have the limits of vaults and reserve keys that begin with anthropic',
    status: 400,
  },
  archiveTwice: {
    area: 'errors',
    unknown: 'archiving what is archived already, except environments (documented as doing nothing new)',
    choice: 'refused',
    status: 400,
  },
  changeArchived: {
    area: 'errors',
    unknown: 'the status of changing an archived vault, credential, agent or session, or adding to an archived vault',
    choice: 'refused',
    status: 400,
  },
  undocumentedOrder: {
    area: 'errors',
    unknown: 'the order of agents, agent versions, environments, skills and skill versions in a list',
    choice: 'oldest first, so that nobody relies on the newest coming first',
  },
  undocumentedPageSize: {
    area: 'errors',
    unknown: 'the page sizes of environments and sessions, and the largest page of events',
    choice: 'environments and sessions 20, at most 100; events 1000, at most 1000',
  },
  cursorBinding: {
    area: 'errors',
    unknown: 'the format of a cursor',
    choice: 'a cursor works only on the list that issued it',
    status: 400,
  },

  // Tokens for CI jobs
  refusedExchange: {
    area: 'federation',
    unknown: 'the status of a refused exchange: the sources disagree (400 invalid_grant, or 401)',
    choice: 'an opaque 401 with the message Authentication failed, whatever the reason',
    status: 401,
  },
  exchangeBeta: {
    area: 'federation',
    unknown: 'the status of an exchange without the two beta values',
    choice: 'refused',
    status: 400,
  },
  serviceAccountId: {
    area: 'federation',
    unknown: 'whether service_account_id may be left out: the sources disagree',
    choice: 'refused',
    status: 400,
  },
  oauthBeta: {
    area: 'federation',
    unknown: 'the status of a request with an exchanged token and without oauth-2025-04-20',
    choice: 'refused, as without a credential',
    status: 401,
  },

  // Vaults and credentials
  nullDisplayName: {
    area: 'vaults',
    unknown: 'what null as the new display_name of a vault does',
    choice: 'refused',
    status: 400,
  },
  deleteUsedVault: {
    area: 'vaults',
    unknown: 'deleting a vault that a session uses',
    choice: 'allowed; the session keeps naming it and finds no credential in it from then on',
  },
  archivedVaultInSession: {
    area: 'vaults',
    unknown: 'the status of an archived vault in a session create',
    choice: 'refused',
    status: 400,
  },
  tooManyCredentials: {
    area: 'credentials',
    unknown: 'the status of the 21st credential, and whether archived ones count',
    choice: 'refused; archived ones count',
    status: 400,
  },
  uniqueUrl: {
    area: 'credentials',
    unknown: 'whether the unique key is the raw or the normalised URL',
    choice: 'the normalised one, as in matching',
  },
  serverUrl: {
    area: 'credentials',
    unknown: 'which URLs are allowed for an MCP server or a token endpoint',
    choice: 'up to 2048 characters, https (http on loopback only), no user info, no fragment',
    status: 400,
  },
  urlMatching: {
    area: 'url matching',
    unknown: 'query, percent-encoding, path case, empty path',
    choice: 'query and path are compared as written; an empty path equals /',
  },
  changedAuthType: {
    area: 'credentials',
    unknown: 'the status of another auth.type in an update',
    choice: 'refused',
    status: 400,
  },
  expiryInPast: {
    area: 'credentials',
    unknown: 'the status of an expires_at in the past',
    choice: 'refused',
    status: 400,
  },
  secretForPublicClient: {
    area: 'credentials',
    unknown: 'token_endpoint_auth in an update of a credential whose stored type is none',
    choice: 'refused',
    status: 400,
  },
  refreshAddedLater: {
    area: 'credentials',
    unknown: 'refresh in an update of a credential that has no refresh block',
    choice: 'refused, since the immutable fields could not be given',
    status: 400,
  },
  secretName: {
    area: 'credentials',
    unknown: 'which names an environment variable may have',
    choice: 'letters, digits and underscores, not beginning with a digit, up to 255 characters',
    status: 400,
  },
  validateOtherTypes: {
    area: 'credentials',
    unknown: 'mcp_oauth_validate on the other two auth types and on archived credentials',
    choice: 'refused',
    status: 400,
  },

  // Refresh
  refreshMoment: {
    area: 'refresh',
    unknown: 'how often and how long before expiry a token is refreshed',
    choice: 'when a session needs it and expires_at has passed; never earlier, never because of a 401',
  },
  refreshStorage: {
    area: 'refresh',
    unknown: 'the storage of a rotated refresh token, locks, and what a validation changes',
    choice: 'one exchange at a time per credential; whatever it returns is stored, in a validation too',
  },

  // Agents and environments
  archivedAgentInSession: {
    area: 'agents',
    unknown: 'the status of an archived agent or environment in a session create',
    choice: 'refused',
    status: 400,
  },
  metadataVersion: {
    area: 'agents',
    unknown: 'whether a change of metadata alone makes a version',
    choice: 'it does',
  },
  modelName: {
    area: 'agents',
    unknown: 'which model names are refused',
    choice: 'those that do not begin with claude-',
    status: 400,
  },
  defaultEffort: {
    area: 'agents',
    unknown: 'the effort of each model where none is given',
    choice: 'high',
  },
  toolLimit: {
    area: 'agents',
    unknown: '128 or 256 tools, 20 or 500 skills: the sources disagree',
    choice: 'the smaller number: 128 tools, counting configs and custom tools, and 20 skills',
    status: 400,
  },
  skillReference: {
    area: 'agents',
    unknown: 'the status of an unknown skill or version in an agent, and when latest is resolved',
    choice: 'not found; latest stays latest in the agent and is resolved when a session is created',
    status: 404,
  },
  environmentName: {
    area: 'environments',
    unknown: 'whether names are unique: the sources disagree',
    choice: 'unique among those not archived',
    status: 409,
  },
  networkShape: {
    area: 'environments',
    unknown: 'the status of an allow_ field beside unrestricted, of an URL as host, of packages without permission',
    choice: 'refused',
    status: 400,
  },

  // Sessions and events
  vaultIds: {
    area: 'sessions',
    unknown: 'the largest number of vault_ids, and repeated ones',
    choice: 'at most 50, as a deployment allows; a repeated id is refused',
    status: 400,
  },
  sessionMetadata: {
    area: 'sessions',
    unknown: '8 or 16 metadata pairs: the sources disagree',
    choice: 'the smaller number',
    status: 400,
  },
  sessionVaultUpdate: {
    area: 'sessions',
    unknown: 'the status of vault_ids in an update',
    choice: 'refused, even when nothing would change',
    status: 400,
  },
  sessionNotIdle: {
    area: 'sessions',
    unknown: 'the status of an agent update, archive or delete while running, except 400 seen for archive',
    choice: 'refused',
    status: 400,
  },
  skillsWithoutRead: {
    area: 'sessions',
    unknown: 'the status of skills without the read tool, and of two skills of one name',
    choice: 'refused',
    status: 400,
  },
  confirmation: {
    area: 'events',
    unknown: 'a double, late or unknown tool confirmation',
    choice: 'the whole request is refused',
    status: 400,
  },
  messageWhileAsking: {
    area: 'events',
    unknown: 'a user.message without a system.message while a confirmation is awaited',
    choice: 'refused, as documented for the pair',
    status: 400,
  },
  streamAfterArchive: {
    area: 'events',
    unknown: 'whether a stream ends when its session is archived, its heartbeat and its time limit',
    choice: 'it stays open, since only deletion is documented to end it; a ping every 15 s; no limit',
  },
  failedConnection: {
    area: 'events',
    unknown: 'whether a turn goes on after an MCP server could not be used: the sources disagree',
    choice: 'the turn ends with retries_exhausted',
  },
  blockedEgress: {
    area: 'events',
    unknown: 'what limited networking does to an MCP server that it does not let through: the sources disagree',
    choice: 'session.error with mcp_connection_failed_error',
  },
  autoPolicy: {
    area: 'events',
    unknown: 'how the auto policy judges',
    choice: 'allows tools annotated as read-only, denies those annotated as destructive, asks for the rest',
  },

  // Skills
  skillContent: {
    area: 'skills',
    unknown: 'the status of wrong front matter, size or paths; file count and path length',
    choice: 'refused; at most 500 files, paths up to 256 characters, no .., no backslash, no absolute path',
    status: 400,
  },
  skillFolder: {
    area: 'skills',
    unknown: 'whether SKILL.md may lie at the root of the upload: the sources disagree',
    choice: 'refused: it must lie in one top folder that is named like the skill',
    status: 400,
  },
  skillDuplicates: {
    area: 'skills',
    unknown: 'whether an upload equal to the newest version is recognised',
    choice: 'it is not: every upload makes a version',
  },
  lastSkillVersion: {
    area: 'skills',
    unknown: 'deleting the last version',
    choice: 'refused, since a skill always holds one',
    status: 400,
  },
  pinnedSkillVersion: {
    area: 'skills',
    unknown: 'deleting a skill or version that an agent pins',
    choice: 'allowed; the next session of that agent is refused',
  },
  skillArchive: {
    area: 'skills',
    unknown: 'the layout of a download',
    choice: 'a zip with one top folder named like the skill, entries sorted by path',
  },

  // What the emulator leaves out
  notEmulated: {
    area: 'scope',
    unknown: 'nothing: these parts are documented, and the sandbox does without them',
    choice:
      'refused by name: session resources, outcomes, results of self-hosted tools, the shapes of skills-2025-10-02; ' +
      'budgets and multiagent settings are stored but never take effect; federation rules have no CEL condition',
    status: 400,
  },
} as const satisfies Record<string, Choice>;
