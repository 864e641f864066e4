import { AppError } from '../errors/app-error.ts';
import type { Account, Ids } from '../outside/accounts.ts';
import { quote } from '../text/quote.ts';
import type { Principal } from './principal.ts';

const useSso = 'set identity.mode: sso in config/interface.yaml';

/** Programs that give a process to another account. Only root can start one and have them leave no other trace. */
const switchers = ['su', 'sudo', 'doas', 'runuser', 'pkexec', 'run0'];

/**
 * File systems whose owners and modes another machine decides, or a program of anybody's (statfs(2), magic.h of Linux):
 * what is kept there proves nothing about an account of this one.
 */
const remoteFileSystems: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x65735546, 'FUSE (such as sshfs)'],
  [0x01021997, '9p'],
  [0x00c36400, 'Ceph'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x73757245, 'Coda'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
  [0x01161970, 'GFS2'],
  [0x7461636f, 'OCFS2'],
  [0x786f4256, 'a shared folder of VirtualBox'],
  [0xbacbacbc, 'a shared folder of VMware'],
]);

/**
 * Judges whether the operating system's account is an identity (P2): root, su, sudo and set-id runs are not, nor is any
 * uid of a user namespace, where whoever starts a program picks it, nor one whose state another machine keeps. Throws
 * `identity_refused`, for each in other words.
 *
 * @param sudoUid the variable that sudo sets; it can only lead to a refusal, never say who somebody is
 */
export function judgeAccount(account: Account, sudoUid: string | undefined): Principal {
  const { uids, gids, loginUid } = account;
  const uid = uids.real;
  const refuse = (why: string, hint: string) =>
    new AppError('identity_refused', `the operating system account is not an identity here: ${why}`, { hint });
  if (uid < 0) throw refuse('this system has no numeric accounts', useSso);
  if (differs(uids)) throw refuse('the program runs set-uid', 'run it as yourself');
  if (differs(gids)) throw refuse('the program runs set-gid', 'run it as yourself');
  if (uid === 0) throw refuse('running as root', `run it as an ordinary user, or ${useSso}`);
  if (!account.ownUids) {
    throw refuse('uids are made up in a user namespace', `run it outside the container, or ${useSso}`);
  }
  if (sudoUid !== undefined) throw refuse('running under sudo', 'run it without sudo');
  if (loginUid !== undefined && loginUid !== uid) {
    throw refuse(`uid ${loginUid} logged in, and this runs as uid ${uid}`, 'log in as yourself, without su or sudo');
  }
  for (const { program, uid: other } of account.ancestors) {
    if (switchers.includes(program)) throw refuse(`${quote(program)} started it`, 'log in as yourself');
    if (other !== uid && other !== 0) {
      throw refuse(`it was started by ${quote(program)} of uid ${other}`, 'log in as yourself');
    }
  }
  if (account.name === undefined)
    throw refuse(`uid ${uid} is not in the account database`, 'run it as a user that the machine knows');
  if (account.machineId === undefined)
    throw refuse('the machine has no machine id, which only Linux keeps for everybody to read', useSso);
  const remote = remoteFileSystems.get((account.stateFileSystem ?? 0) >>> 0);
  if (remote !== undefined) {
    throw refuse(
      `its state folder is on ${remote}, and another machine says who may write there`,
      'set XDG_STATE_HOME to a folder on a disk of this machine',
    );
  }
  return {
    kind: 'os',
    issuer: `machine:${account.machineId}`,
    subject: String(uid),
    groups: [],
    label: account.name,
  };
}

function differs({ real, effective, saved }: Ids): boolean {
  return real !== effective || real !== saved;
}
