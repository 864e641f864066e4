import { AppError } from '../errors/app-error.ts';
import type { Account } from '../outside/accounts.ts';
import type { Principal } from './principal.ts';

/**
 * Judges whether the operating system's account is an identity (P2): root, sudo and set-uid runs are not, nor is
 * any uid of a user namespace, where whoever starts a program picks it. Throws `identity_refused`.
 *
 * @param sudoUid the variable that sudo sets; it can only lead to a refusal, never say who somebody is
 */
export function judgeAccount(account: Account, sudoUid: string | undefined): Principal {
  const refuse = (why: string, hint: string) =>
    new AppError('identity_refused', `the operating system account is no identity here: ${why}`, { hint });
  if (account.uid < 0)
    throw refuse('this system has no numeric accounts', 'set identity.mode: sso in config/interface.yaml');
  if (account.uid !== account.effectiveUid) throw refuse('the program runs set-uid', 'run it as yourself');
  if (account.uid === 0)
    throw refuse('running as root', 'run it as an ordinary user, or set identity.mode: sso in config/interface.yaml');
  if (!account.ownUids) {
    throw refuse(
      'uids are made up in a user namespace',
      'run it outside the container, or set identity.mode: sso in config/interface.yaml',
    );
  }
  if (sudoUid !== undefined) throw refuse('running under sudo', 'run it without sudo');
  if (account.name === undefined)
    throw refuse(`uid ${account.uid} is not in the account database`, 'run it as a user that the machine knows');
  if (account.machineId === undefined)
    throw refuse('the machine has no machine id', 'set identity.mode: sso in config/interface.yaml');
  return {
    kind: 'os',
    issuer: `machine:${account.machineId}`,
    subject: String(account.uid),
    groups: [],
    label: account.name,
  };
}
