/**
 * Every change that the platform is asked for, and what running the same command again does about one whose answer was
 * lost. No key makes a request of the platform safe to repeat, so the hint "run it again" stands only where the rerun looks.
 */

/** `looks`: it finds what is there before it asks for anything. `again`: it asks for the same thing once more. */
export type Rerun = 'looks' | 'again';

/** A change that has no row does not compile; docs/exit-codes.md is tested against this table. */
export const reruns = {
  'agent.archive': 'looks',
  'agent.create': 'looks',
  'agent.update': 'looks',
  'credential.archive': 'looks',
  'credential.create': 'looks',
  'credential.delete': 'looks',
  'credential.try': 'looks',
  'credential.update': 'looks',
  'credential.validate': 'again',
  'environment.announce': 'looks',
  'environment.archive': 'looks',
  'environment.create': 'looks',
  'environment.update': 'looks',
  'session.answer': 'looks',
  'session.archive': 'looks',
  'session.create': 'again',
  'session.interrupt': 'looks',
  'session.message': 'again',
  'skill.create': 'looks',
  'skill.delete': 'looks',
  'skill_version.create': 'looks',
  'skill_version.delete': 'looks',
  'vault.archive': 'looks',
  'vault.create': 'looks',
  'vault.mark': 'looks',
  'vault.sign': 'looks',
  'vault.unmark': 'looks',
} as const satisfies Record<string, Rerun>;

/** A change that the platform can be asked for. */
export type Act = keyof typeof reruns;

/** What changes elsewhere, and what of it: at a service, at the identity provider, in files that are believed. */
export const elsewhere = {
  'agent.let_in': 'the platform: an agent that acts for itself and was off-boarded, step by step',
  'agent.offboard': 'the platform: all that an agent has there of its own, step by step',
  'agents_lock.write': 'a file that says which agents of the platform are meant',
  'checkpoint_key.make': 'the keychain: the key that checkpoints of the record are signed with',
  'client.register': 'an authorization server: a client of its own for us',
  'grant.obtain': 'a service: access for a person, from the question to the tokens',
  'grant.renew': 'a service and the keychain: the tokens of access that local agents have',
  'grant.revoke': 'a service: access that was granted and stored nowhere',
  'ownership_key.make': 'the keychain, or whoever is handed the new key',
  'person.let_in': 'the platform: a person who was off-boarded, step by step',
  'person.offboard': 'the platform: all that one person has there, step by step',
  'session_key.make': 'where secrets are kept, or whoever is handed it: a key that session tokens are signed with',
  'session_key.remove': 'where secrets are kept: a key that signs no more',
  'session_keys.write': 'a file that says which keys session tokens are verified with',
  'session_token.issue': 'an MCP server: a token that names a session',
  'session_token.revoke': 'MCP servers: the tokens of a session count no more',
  'sign_in.end': 'the identity provider and the keychain: a sign-in that was kept',
  'sign_in.obtain': 'the identity provider: a sign-in, from the question to the tokens',
  'sign_in.renew': 'the identity provider and the keychain: the tokens of a sign-in that is kept',
  'skills_lock.write': 'a file that says which skills of the platform are meant',
  'tool.call': 'a server that we stand before: a call of a tool, as somebody with a token asks for it',
  'tools_lock.write': 'a file that says which tools were reviewed',
} as const satisfies Record<string, string>;

/** A change that the platform has no part in, or that it hears of step by step. */
export type ActElsewhere = keyof typeof elsewhere;

/** Where a lost answer leads, by what a rerun would do. */
export function hintAfterLoss(act: Act): string {
  if (reruns[act] === 'looks')
    return 'run the same command again: it looks at what is there before it asks for anything';
  if (act === 'session.create') {
    return 'a session may be there: setup-session list shows it, setup-session stop ends it, and the next run says so if it appears';
  }
  if (act === 'session.message')
    return 'look before you send it again: setup-session attach <session> shows what is there';
  return 'it changes nothing to ask again';
}
