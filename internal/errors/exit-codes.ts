/**
 * The one table from what went wrong to how the process ends (P10). An error code
 * without a row does not compile; docs/exit-codes.md is tested against this file.
 */

/** Every exit code of the three executables and what it means. */
export const exitCodes = {
  0: 'done',
  1: 'could not be done (network, platform, service), explained',
  2: 'command line or configuration is wrong',
  3: 'refused by policy',
  4: 'sign-in or (re)connection needed first; the message names the command',
  5: 'ownership cannot be proven or is ambiguous; nothing was chosen',
  6: 'the audit record could not be written; nothing was done',
  7: 'changes are pending (`--check`, `agents plan`, `tools diff`, an agent whose file was not applied)',
  8: 'the agent waits for a yes or no to a tool call',
  70: 'a bug in this tool (`--debug` shows the stack)',
  130: 'interrupted',
} as const;

/** One of the exit codes of the table. */
export type ExitCode = keyof typeof exitCodes;

/** Every stable error code and the exit code it ends with. */
export const exitCodeOf = {
  // command line and configuration
  usage: 2,
  config_invalid: 2,
  config_missing: 2,
  config_exists: 2,
  config_exposed: 2,
  config_unconfirmed: 2,
  unknown_service: 2,
  unknown_agent: 2,
  unknown_environment: 2,
  skill_invalid: 2,
  skill_not_pinned: 2,
  prune_unconfirmed: 2,
  platform_key_missing: 2,
  tls_weakened: 2,
  // policy
  not_allowed: 3,
  identity_refused: 3,
  assurance_missing: 3,
  sign_in_contested: 3,
  another_person: 3,
  access_denied: 3,
  account_mismatch: 3,
  parent_refused: 3,
  offboarded: 3,
  sponsor_needed: 3,
  session_altered: 3,
  digest_differs: 3,
  agent_retired: 3,
  scan_refused: 3,
  skill_altered: 3,
  record_altered: 3,
  unexplained: 3,
  // somebody has to do something first
  sign_in_needed: 4,
  connection_needed: 4,
  client_needed: 4,
  // ownership
  ownership_ambiguous: 5,
  ownership_unproven: 5,
  // the record
  record_unwritable: 6,
  // an operator has to put something in force first
  not_in_force: 7,
  // could not be done
  ownership_key: 1,
  token_key: 1,
  keychain_unavailable: 1,
  platform_unreachable: 1,
  platform_refused: 1,
  platform_outcome_unknown: 1,
  service_unreachable: 1,
  service_metadata: 1,
  service_refused: 1,
  issuer_mismatch: 1,
  registration_refused: 1,
  client_refused: 1,
  token_refused: 1,
  token_unusable: 1,
  callback_refused: 1,
  connection_unknown: 1,
  connection_suspect: 1,
  already_running: 1,
  vault_full: 1,
  port_taken: 1,
  timed_out: 1,
  url_refused: 1,
  session_differs: 1,
  session_failed: 1,
  session_ended: 1,
  session_not_ended: 1,
  turn_interrupted: 1,
  call_waits: 1,
  call_over: 1,
  model_refused: 1,
  model_overloaded: 1,
  model_rate_limited: 1,
  budget_reached: 1,
  billing: 1,
  agent_in_use: 1,
  skill_in_use: 1,
  skill_not_gone: 1,
  plan_stale: 1,
  drift: 1,
  unknown_member: 1,
  not_ready: 1,
  offboarding_incomplete: 1,
  console_unreachable: 1,
  console_refused: 1,
  database_unavailable: 1,
  file_system: 1,
  interrupted: 130,
  bug: 70,
} as const satisfies Record<string, ExitCode>;

/** The closed list of error codes. Callers branch on these; wording may improve freely. */
export type ErrorCode = keyof typeof exitCodeOf;
