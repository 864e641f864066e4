/** Root lends its processes to other accounts, so that tests can see what the product says of those. */
import { judgeAccount } from '../../internal/identity/os-identity.ts';
import { runningAccount } from '../../internal/outside/accounts.ts';
import type { Missing } from './skip.ts';

/** Why a process of this uid would be refused whoever it is: not started by root, or root itself came through su or sudo. */
export async function cannotLend(uid: number): Promise<Missing | false> {
  if (process.getuid?.() !== 0 || process.platform !== 'linux') {
    return { reason: 'only root can run a program as somebody else', installable: false };
  }
  const { loginUid, ancestors } = await runningAccount('/');
  const ids = { real: uid, effective: uid, saved: uid };
  const known = { name: 'somebody', ownUids: true, machineId: '0', stateFileSystem: undefined };
  try {
    judgeAccount({ ...known, uids: ids, gids: ids, loginUid, ancestors }, undefined);
    return false;
  } catch (error) {
    return { reason: `what runs the tests leaves its trace: ${String(error)}`, installable: false };
  }
}
