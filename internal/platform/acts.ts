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
