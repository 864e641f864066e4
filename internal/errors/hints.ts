import type { ErrorCode } from './exit-codes.ts';

const again = 'run the command again';
const askTheService = 'if it stays, tell whoever runs the service';

/**
 * What to do next about an error whose message has no better advice (P10). Undefined only where the message itself
 * says it: configuration and skills name the fix line by line.
 */
export const hintOf: Record<ErrorCode, string | undefined> = {
  usage: '--help lists what there is',
  config_invalid: undefined,
  config_missing: undefined,
  config_exists: undefined,
  unknown_service: undefined,
  unknown_agent: undefined,
  skill_invalid: undefined,
  skill_not_pinned: 'push it first: skill-sync',
  platform_key_missing: 'set ANTHROPIC_API_KEY to a key of the workspace',
  not_allowed: 'ask whoever reviews the configuration',
  identity_refused: 'ask whoever reviews identity in config/interface.yaml',
  assurance_missing: 'run the command again and sign in the way that is required, such as with a second factor',
  access_denied: 'run the command again and allow it, or ask the administrator of the service',
  account_mismatch: 'sign in at the service with your own account and run the command again; nothing was stored',
  offboarded: 'an operator lets somebody in again: service-connection offboard <subject> --undo',
  sign_in_needed: 'run the command in a terminal',
  connection_needed: 'connect it first: service-connection <service>',
  client_needed: 'run the command in a terminal, where it asks',
  ownership_ambiguous: 'see them and archive what is wrong: service-connection vault repair; nothing was chosen',
  ownership_unproven: 'ask whoever administers the identity provider; nothing was chosen',
  ownership_key: 'see ownership in config/interface.yaml; nothing was signed',
  keychain_unavailable: `unlock the keychain and ${again}`,
  platform_unreachable: 'check the network and ANTHROPIC_BASE_URL',
  platform_refused: `nothing was changed by this request: ${again}; if it stays, ask the platform's support about the request`,
  platform_outcome_unknown: `${again}: it looks at what is there before it asks for anything`,
  service_unreachable: 'check the network and try again',
  service_metadata: `nothing was sent; ${askTheService}`,
  service_refused: `${again}; ${askTheService}`,
  issuer_mismatch: 'do not sign in there; if the service moved, review it and change its file in config/services',
  registration_refused: 'set a pre-registered client in the service file',
  client_refused: 'check the client id that the configuration names, and whether the client has a secret',
  token_refused: again,
  token_unusable: `nothing was stored; ${askTheService}`,
  callback_refused: `nothing was sent; ${again}, and ${askTheService}`,
  connection_unknown: 'try again later',
  connection_suspect: 'find out who changed it, disconnect it and end its access at the service',
  already_running: 'let it end, or end it, then run the command again',
  vault_full: 'take out what nobody uses: service-connection disconnect <service>',
  port_taken: `end the other program and ${again}`,
  timed_out: `${again}, with --timeout <seconds> for more time`,
  url_refused: 'only https addresses are asked',
  session_differs: 'it was not handed over; if this stays, somebody or something changes sessions of this workspace',
  session_failed: 'check the connections: service-connection list',
  drift: 'find out who changed it on the platform; nothing was chosen',
  offboarding_incomplete: `${again}: it continues where it stopped`,
  file_system: `correct the permissions and ${again}`,
  interrupted: undefined,
  bug: 'run again with --debug and report the stack',
};
